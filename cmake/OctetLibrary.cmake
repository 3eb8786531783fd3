# The two libraries. Every C file one folder below CSources/COctet belongs to them: there is no list to keep.

include(OctetThreads)

set(octet_root "${CMAKE_CURRENT_SOURCE_DIR}/CSources/COctet")
file(GLOB octet_sources CONFIGURE_DEPENDS "${octet_root}/*/*.c")

function(octet_library target type)
  add_library(${target} ${type} ${octet_sources})
  octet_compile(${target})
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${octet_root}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE "${octet_root}")
  target_compile_options(${target} PRIVATE ${octet_thread_flags})
  target_compile_definitions(${target} PRIVATE ${octet_thread_definitions})
  # Libraries go by path here and by name in the installed package, which must not know this machine.
  foreach(library IN LISTS octet_thread_libraries)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${library}>)
  endforeach()
  foreach(name IN LISTS octet_thread_names)
    target_link_libraries(${target} PRIVATE $<INSTALL_INTERFACE:${name}>)
  endforeach()
  target_link_libraries(${target} PRIVATE m)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME octet)
endfunction()

if(OCTET_SHARED)
  octet_library(octet SHARED)
  add_library(Octet::octet ALIAS octet)
  target_compile_definitions(octet PRIVATE OCT_SHARED)
  set_target_properties(octet PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  if(NOT APPLE)
    set(octet_map "${CMAKE_CURRENT_SOURCE_DIR}/cmake/octet.map")
    target_link_options(octet PRIVATE "-Wl,--version-script=${octet_map}" -Wl,--no-undefined)
    set_target_properties(octet PROPERTIES LINK_DEPENDS "${octet_map}")
  endif()
endif()

if(OCTET_STATIC)
  octet_library(octet_static STATIC)
  add_library(Octet::octet_static ALIAS octet_static)
  set_target_properties(octet_static PROPERTIES POSITION_INDEPENDENT_CODE ON)
endif()
