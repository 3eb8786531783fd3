#!/bin/sh
# check-binary.sh NM OBJDUMP LIBRARY: what a built library may contain.
#
#  - every global symbol starts with oct_;
#  - no fused multiply-add, as an instruction or from libm: the library rounds each operation on its own. The one exception is the
#    AVX-512 kernel of embedding bags, a family that is defined by fma and asks for the instruction by name;
#  - instructions above the ABI's floor only in kernel files (name_x86_tier.c, name_arm64_tier.c), and there none above the tier.
#
# The instructions are judged in static libraries, where the object files still have their names.
set -eu
nm=$1 objdump=$2 library=$3

case $library in
  *.a) symbols=$("$nm" -g "$library") ;;
  *) symbols=$("$nm" -D "$library") ;;
esac
foreign=$(echo "$symbols" | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ && $3 !~ /^oct_/ && $3 !~ /^OCTET_/ { print "  " $3 }')
if [ -n "$foreign" ]; then
  printf 'global symbols without the oct_ prefix:\n%s\n' "$foreign"
  exit 1
fi
echo "$symbols" | grep -q ' T oct_version' || { echo "oct_version is not exported by $library"; exit 1; }
if echo "$symbols" | grep -E ' U fma[fl]?(@.*)?$'; then
  echo "fused multiply-add from libm"
  exit 1
fi

case $library in *.a) ;; *) exit 0 ;; esac

"$objdump" -d --no-show-raw-insn "$library" | awk '
  /:[ \t]+file format / {
    object = $1
    sub(/\)?:$/, "", object)
    sub(/^.*\(/, "", object)
    architecture = /aarch64/ ? "arm64" : /x86-64/ ? "x86" : ""
    kernel = object ~ /_(x86|arm64)_/
    objects++
    next
  }
  /^[0-9a-f]+ <.*>:$/ { function_name = $2; next }
  function report(rule) {
    printf "%s %s %s\n    %s\n", object, function_name, rule, $0
    if (++failures == 20) exit
  }
  architecture == "x86" {
    if (object !~ /^embedding_x86_avx512vnni\./ && /\tvfn?m(add|sub)/) report("forms a fused multiply-add:")
    if (!kernel && /%[yz]mm|\t(\{vex\} )?v[a-z]/) report("uses AVX outside a kernel file:")
    if (object ~ /_x86_avx(2|vnni)\./ && /%zmm|%k[0-7]/) report("uses AVX-512 in an AVX2 or AVX-VNNI kernel:")
    if (object ~ /_x86_avx2\./ && /\t(\{vex\} )?vpdp/) report("uses VNNI in an AVX2 kernel:")
  }
  architecture == "arm64" {
    if (!kernel && /<unknown>/) report("uses an extension outside a kernel file:")
    if (/\tfn?m(add|sub|la|ls)\t/) report("forms a fused multiply-add:")
    if (object !~ /_arm64_(dotprod|i8mm)\./ && /\t[us]dot\t/) report("uses dot products outside their kernel files:")
    if (object !~ /_arm64_i8mm\./ && /\t(us?|s)mmla\t|\t(us|su)dot\t/) report("uses i8mm outside its kernel files:")
  }
  END {
    if (!objects) { print "the disassembly names no object file"; exit 1 }
    exit failures > 0
  }'
