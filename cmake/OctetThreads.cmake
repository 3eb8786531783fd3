# Threads for base/: POSIX ones, and an OpenMP runtime, which base/parallel.c reaches. Sets
#   octet_thread_flags        compiler flags
#   octet_thread_definitions  macros
#   octet_thread_libraries    what this build links, by path
#   octet_thread_names        the same by name, for packages that are used elsewhere

set(octet_thread_flags "")
set(octet_thread_definitions "")
set(octet_thread_libraries "")
set(octet_thread_names "")
if(NOT OCTET_OPENMP)
  return()
endif()

# The library's own threads are POSIX ones, which some C libraries keep apart.
find_package(Threads REQUIRED)
if(CMAKE_THREAD_LIBS_INIT)
  set(octet_thread_libraries ${CMAKE_THREAD_LIBS_INIT})
  set(octet_thread_names pthread)
endif()

find_package(OpenMP QUIET COMPONENTS C)
if(OpenMP_C_FOUND)
  separate_arguments(octet_thread_flags NATIVE_COMMAND "${OpenMP_C_FLAGS}")
  list(APPEND octet_thread_libraries ${OpenMP_C_LIBRARIES})
  list(APPEND octet_thread_names ${OpenMP_C_LIB_NAMES})
  message(STATUS "Octet: threads by OpenMP ${OpenMP_C_VERSION} (${OpenMP_C_LIB_NAMES})")
  return()
endif()

# A compiler without OpenMP of its own, such as the one of a Swift toolchain: call the runtime's entry, as SwiftPM builds do.
find_library(OCTET_OPENMP_RUNTIME NAMES omp5 gomp omp DOC "An OpenMP runtime that exports GOMP_parallel")
mark_as_advanced(OCTET_OPENMP_RUNTIME)
if(OCTET_OPENMP_RUNTIME)
  set(octet_thread_definitions OCT_OPENMP)
  list(APPEND octet_thread_libraries ${OCTET_OPENMP_RUNTIME})
  get_filename_component(name ${OCTET_OPENMP_RUNTIME} NAME_WE)
  string(REGEX REPLACE "^lib" "" name ${name})
  list(APPEND octet_thread_names ${name})
  message(STATUS "Octet: threads by ${OCTET_OPENMP_RUNTIME}, without compiler support")
else()
  message(STATUS "Octet: no OpenMP found, so everything runs on the caller's thread. Install libomp-dev, or use gcc, for more; "
                 "OCTET_OPENMP=OFF silences this.")
endif()
