# octet_qbench: a loadable module that runs single operations for a benchmark harness. It carries its own copy of the library.

file(GLOB octet_qbench_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/Benchmarks/qbench/*.c")
if(octet_qbench_sources)
  add_library(octet_qbench SHARED ${octet_qbench_sources})
  octet_compile(octet_qbench)
  set_target_properties(octet_qbench PROPERTIES C_VISIBILITY_PRESET default)
  target_link_libraries(octet_qbench PRIVATE octet_static)
endif()
