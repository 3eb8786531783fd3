# The C tests. Each Tests/CKernelTests/*_test.c is a program and a test of the same name; the folder's other C files are linked to
# all of them. Internal headers are visible. A cross build runs them by its emulator.

file(GLOB octet_test_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CKernelTests/*_test.c")
file(GLOB octet_test_support CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CKernelTests/*.c")
list(REMOVE_ITEM octet_test_support ${octet_test_sources} "")

function(octet_test_program target)
  add_executable(${target} ${ARGN})
  octet_compile(${target})
  target_compile_options(${target} PRIVATE -UNDEBUG)
  target_include_directories(${target} PRIVATE "${octet_root}" "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CKernelTests")
  target_link_libraries(${target} PRIVATE octet_static m)
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES TIMEOUT 1200)
endfunction()

foreach(source IN LISTS octet_test_sources)
  get_filename_component(name "${source}" NAME_WE)
  octet_test_program(${name} "${source}" ${octet_test_support})
  set_tests_properties(${name} PROPERTIES LABELS kernels)
endforeach()

# The benchmark module, through the interface that a harness has.
if(TARGET octet_qbench)
  foreach(name IN ITEMS qbench_test memory_bound_test)
    octet_test_program(${name} "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CBenchTests/${name}.c")
    target_link_libraries(${name} PRIVATE octet_qbench)
    set_tests_properties(${name} PROPERTIES LABELS kernels)
  endforeach()
endif()

# Every public header stands alone, as C11 and as C++17, and C++ code links.
include(CheckLanguage)
check_language(CXX)
if(CMAKE_CXX_COMPILER)
  enable_language(CXX)
endif()
file(GLOB_RECURSE octet_headers CONFIGURE_DEPENDS RELATIVE "${octet_root}/include" "${octet_root}/include/*.h")
set(octet_header_flags -fsyntax-only -Wall -Wextra -Wpedantic -Werror "-I${octet_root}/include")
foreach(header IN LISTS octet_headers)
  add_test(NAME c11:${header}
    COMMAND ${CMAKE_C_COMPILER} ${octet_header_flags} -std=c11 -include ${header} -x c /dev/null)
  if(CMAKE_CXX_COMPILER)
    add_test(NAME c++17:${header}
      COMMAND ${CMAKE_CXX_COMPILER} ${octet_header_flags} -std=c++17 -include ${header} -x c++ /dev/null)
  endif()
endforeach()
octet_test_program(consumer_c "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CHeaderTests/consumer.c")
if(CMAKE_CXX_COMPILER)
  octet_test_program(consumer_cxx "${CMAKE_CURRENT_SOURCE_DIR}/Tests/CHeaderTests/consumer.cpp")
  set_target_properties(consumer_cxx PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
endif()

# What the built libraries may contain. A sanitizer's own code would break the rules.
if(CMAKE_NM AND CMAKE_OBJDUMP AND NOT APPLE AND NOT OCTET_SANITIZE)
  foreach(target IN ITEMS octet octet_static)
    if(TARGET ${target})
      add_test(NAME binary:${target} COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/cmake/check-binary.sh"
        ${CMAKE_NM} ${CMAKE_OBJDUMP} $<TARGET_FILE:${target}>)
    endif()
  endforeach()
endif()
