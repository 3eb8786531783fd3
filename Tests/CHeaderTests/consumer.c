/* A C11 program that knows the library by its one header. */
#include <stdio.h>
#include <string.h>

#include "octet.h"

int main(void) {
  char expected[32];
  snprintf(expected, sizeof expected, "%d.%d.%d", OCT_VERSION_MAJOR, OCT_VERSION_MINOR, OCT_VERSION_PATCH);
  if (strcmp(oct_version(), expected) != 0) {
    printf("oct_version() is %s, the header says %s\n", oct_version(), expected);
    return 1;
  }
  if (oct_max_isa(NULL) != OCT_INVALID_ARGUMENT || oct_last_error_message()[0] == '\0') {
    printf("oct_max_isa(NULL) must fail with a sentence\n");
    return 1;
  }
  oct_isa isa;
  if (oct_max_isa(&isa) != OCT_OK || !oct_isa_supported(isa)) {
    printf("oct_max_isa: %s\n", oct_last_error_message());
    return 1;
  }
  printf("Octet %s, %s, %d threads\n", oct_version(), oct_isa_name(isa), oct_max_threads());
  return 0;
}
