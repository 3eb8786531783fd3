# Cross build for AArch64 Linux with Debian's cross compiler, its tests run by QEMU's user emulation:
#
#   cmake -S . -B build-aarch64 --toolchain cmake/aarch64-linux-gnu.cmake
#
# The emulated CPU is `max`, which has dot products and i8mm.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
# C++ is for one test; without the cross compiler for it, the host's must not be taken instead.
find_program(OCTET_CROSS_CXX aarch64-linux-gnu-g++)
mark_as_advanced(OCTET_CROSS_CXX)
if(OCTET_CROSS_CXX)
  set(CMAKE_CXX_COMPILER ${OCTET_CROSS_CXX})
else()
  set(CMAKE_CXX_COMPILER "")
endif()
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu max -L /usr/aarch64-linux-gnu)
