# SPDX-License-Identifier: MIT
# What `cmake --install` puts where, and how other projects find it there.
include(CMakePackageConfigHelpers)

install(FILES "${shared_library}" "${static_library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(CODE "
  set(dir \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}\")
  file(CREATE_LINK libcopas.so.${PROJECT_VERSION} \"\${dir}/libcopas.so.${COPAS_ABI}\" SYMBOLIC)
  file(CREATE_LINK libcopas.so.${COPAS_ABI} \"\${dir}/libcopas.so\" SYMBOLIC)")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

list(TRANSFORM COPAS_STATIC_LIBS PREPEND "-l" OUTPUT_VARIABLE private_libs)
list(JOIN private_libs " " COPAS_PC_LIBS_PRIVATE)
list(TRANSFORM COPAS_DEFINITIONS PREPEND "-D" OUTPUT_VARIABLE definitions)
list(JOIN COPAS_COMPILE_OPTIONS " " COPAS_PC_CFLAGS)
string(APPEND COPAS_PC_CFLAGS " ${definitions}")
string(STRIP "${COPAS_PC_CFLAGS}" COPAS_PC_CFLAGS)
# From the .pc file back to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH COPAS_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/copas.pc.in copas.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/copas.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Copas")
configure_package_config_file(cmake/CopasConfig.cmake.in CopasConfig.cmake
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(CopasConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/CopasConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/CopasConfigVersion.cmake" DESTINATION "${package_dir}")
