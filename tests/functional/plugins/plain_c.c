/* A plugin in plain C, over abi.h alone. */
#include <roost/abi.h>
#include <string.h>

static const roost_host* host;

static roost_str str(const char* text) {
  roost_str result = {text, strlen(text)};
  return result;
}

static roost_status answer(void* self, const roost_request* request, roost_responder* responder) {
  roost_response response;
  (void)self;
  (void)request;
  memset(&response, 0, sizeof response);
  response.struct_size = sizeof response;
  response.status = 200;
  response.body = str("plain C");
  response.file = -1;
  return host->respond(responder, &response);
}

static roost_status configure(const roost_host* server, const roost_registry* registry, const roost_value* config,
                              void** self, roost_error* error) {
  roost_handler handler;
  (void)config;
  (void)error;
  host = server;
  *self = NULL;
  memset(&handler, 0, sizeof handler);
  handler.struct_size = sizeof handler;
  handler.flags = ROOST_HANDLER_IMMEDIATE;
  handler.name = str("answer");
  handler.handle = answer;
  return registry->add_handler(registry->impl, &handler);
}

__attribute__((visibility("default"))) const roost_plugin* roost_plugin_v1(void) {
  static roost_plugin plugin;
  plugin.struct_size = sizeof plugin;
  plugin.abi_version = ROOST_ABI_VERSION;
  plugin.name = str("plain_c");
  plugin.version = str("1");
  plugin.compiler = str("C");
  plugin.configure = configure;
  return &plugin;
}
