# Headers, libraries, the CMake package (find_package(Octet CONFIG)) and octet.pc. Nothing installed holds an absolute path.

include(CMakePackageConfigHelpers)
set(octet_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Octet")

foreach(kind IN ITEMS shared static)
  set(target octet)
  if(kind STREQUAL "static")
    set(target octet_static)
  endif()
  if(TARGET ${target})
    install(TARGETS ${target} EXPORT Octet_${kind}
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Octet_runtime NAMELINK_COMPONENT Octet_development
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Octet_development)
    install(EXPORT Octet_${kind} NAMESPACE Octet:: FILE Octet_${kind}.cmake
      DESTINATION ${octet_package_dir} COMPONENT Octet_development)
  endif()
endforeach()

install(DIRECTORY "${octet_root}/include/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT Octet_development
  FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/OctetConfig.cmake.in OctetConfig.cmake INSTALL_DESTINATION ${octet_package_dir})
write_basic_package_version_file(OctetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/OctetConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/OctetConfigVersion.cmake"
  DESTINATION ${octet_package_dir} COMPONENT Octet_development)

# pkg-config finds everything from where its file lies. A static link (--static) also needs the threads and libm.
set(octet_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(octet_pc_full_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH octet_pc_prefix "${octet_pc_full_dir}" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH octet_pc_include "${octet_pc_full_dir}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
string(REGEX REPLACE "/$" "" octet_pc_prefix "${octet_pc_prefix}")
list(TRANSFORM octet_thread_names PREPEND "-l" OUTPUT_VARIABLE octet_pc_libs_private)
list(APPEND octet_pc_libs_private -lm)
list(JOIN octet_pc_libs_private " " octet_pc_libs_private)
configure_file(cmake/octet.pc.in octet.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/octet.pc" DESTINATION ${octet_pc_dir} COMPONENT Octet_development)
