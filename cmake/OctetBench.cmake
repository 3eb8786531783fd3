# octet_qbench: a loadable module that runs single operations for a benchmark harness. It carries its own copy of the library and
# exports the harness's six functions alone.

file(GLOB octet_qbench_sources CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/Benchmarks/qbench/*.c" "${CMAKE_CURRENT_SOURCE_DIR}/CSources/COctetBench/*.c")
add_library(octet_qbench SHARED ${octet_qbench_sources})
octet_compile(octet_qbench)
target_include_directories(octet_qbench PRIVATE "${octet_root}")
target_link_libraries(octet_qbench PRIVATE octet_static)
