/* A plugin for the next major version of the interface, which this server must refuse. */
#include <roost/abi.h>

__attribute__((visibility("default"))) const roost_plugin* roost_plugin_v1(void) {
  static roost_plugin plugin;
  plugin.struct_size = sizeof plugin;
  plugin.abi_version = (ROOST_ABI_MAJOR + 1) << 16 | 3;
  return &plugin;
}
