# cmake --install: a tree that can be moved anywhere. Paths are fixed, not GNUInstallDirs' (which differ with the prefix),
# because everything in the tree finds everything else by its relative place.
set(ROOST_INSTALL_LIB lib)
set(ROOST_INSTALL_PACKAGE lib/cmake/roost)

set_target_properties(roost_core PROPERTIES INSTALL_RPATH "$ORIGIN")
set_target_properties(roost PROPERTIES INSTALL_RPATH "$ORIGIN/../${ROOST_INSTALL_LIB}")
install(TARGETS roost RUNTIME DESTINATION bin)
install(TARGETS roost_core LIBRARY DESTINATION ${ROOST_INSTALL_LIB} NAMELINK_SKIP)
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include/roost DESTINATION include)
install(DIRECTORY DESTINATION ${ROOST_INSTALL_PLUGINS})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/roost)

include(CMakePackageConfigHelpers)
set(version_file ${CMAKE_BINARY_DIR}/lib/cmake/roost/roost-config-version.cmake)
write_basic_package_version_file(${version_file} VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion)

# The same package for the build tree, so that a plugin outside of the repository builds against a checkout.
set(ROOST_PACKAGE_INCLUDE ${CMAKE_CURRENT_SOURCE_DIR}/include)
configure_file(cmake/roost-config.cmake.in ${CMAKE_BINARY_DIR}/lib/cmake/roost/roost-config.cmake @ONLY)
configure_file(cmake/roost_add_plugin.cmake ${CMAKE_BINARY_DIR}/lib/cmake/roost/roost_add_plugin.cmake COPYONLY)

set(ROOST_PKG_CONFIG_INCLUDE ${CMAKE_CURRENT_SOURCE_DIR}/include)
configure_file(cmake/roost.pc.in ${CMAKE_BINARY_DIR}/lib/pkgconfig/roost.pc @ONLY)

set(ROOST_PACKAGE_INCLUDE "\${_roost_prefix}/include")
set(ROOST_PKG_CONFIG_INCLUDE "\${prefix}/include")
configure_file(cmake/roost-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/roost-config.cmake @ONLY)
configure_file(cmake/roost.pc.in ${CMAKE_CURRENT_BINARY_DIR}/roost.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roost-config.cmake ${version_file} cmake/roost_add_plugin.cmake
  DESTINATION ${ROOST_INSTALL_PACKAGE})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roost.pc DESTINATION lib/pkgconfig)
