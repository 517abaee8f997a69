# roost_add_plugin(NAME SOURCES... [LIBRARIES target...]): a plugin for Roost, as libroost_NAME.so; its target is
# NAME_plugin. Used by this repository and, through find_package(roost), by plugins outside of it.
function(roost_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(target ${name}_plugin)
  add_library(${target} MODULE ${ARG_SOURCES} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${target} PRIVATE roost::plugin ${ARG_LIBRARIES})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME roost_${name}
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  # What is linked in statically stays the plugin's own.
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(ROOST_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${ROOST_PLUGIN_OUTPUT_DIRECTORY})
  endif()
endfunction()
