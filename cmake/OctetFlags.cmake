# octet_compile(target): the language and the flags that every C file of the project is compiled with. Target by target, so that a
# project which adds this one as a subdirectory keeps its own.

set(octet_flags -Wall -Wextra -Wpedantic -ffp-contract=off)
# Kernels are tuned for -O2, the level of a SwiftPM release build.
list(APPEND octet_flags $<$<CONFIG:Release>:-O2>)
# Plain loops count on vectors. Clang forms them at -O2; GCC's cost model for that level declines every loop of unknown length.
list(APPEND octet_flags $<$<C_COMPILER_ID:GNU>:-fvect-cost-model=dynamic>)
if(OCTET_WERROR)
  list(APPEND octet_flags -Werror)
endif()
set(octet_link_flags "")
if(OCTET_SANITIZE)
  list(APPEND octet_flags -fsanitize=${OCTET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  list(APPEND octet_link_flags -fsanitize=${OCTET_SANITIZE})
endif()

function(octet_compile target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden)
  target_compile_options(${target} PRIVATE ${octet_flags})
  target_link_options(${target} PRIVATE ${octet_link_flags})
endfunction()
