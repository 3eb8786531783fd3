/* Status codes, the last error's sentence, and the names of element types. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[512];

oct_status oct_fail(oct_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}

const char *oct_last_error_message(void) { return last_error; }

const char *oct_status_name(oct_status status) {
  switch (status) {
    case OCT_OK: return "ok";
    case OCT_INVALID_ARGUMENT: return "invalid argument";
    case OCT_SHAPE_MISMATCH: return "shape mismatch";
    case OCT_UNSUPPORTED: return "unsupported";
    case OCT_OVERFLOW: return "overflow";
    case OCT_BUFFER_TOO_SMALL: return "buffer too small";
    case OCT_MISALIGNED: return "misaligned";
    case OCT_CORRUPT: return "corrupt";
  }
  return "unknown status";
}

#define VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
#define VERSION(major, minor, patch) VERSION_TEXT(major, minor, patch)

const char *oct_version(void) { return VERSION(OCT_VERSION_MAJOR, OCT_VERSION_MINOR, OCT_VERSION_PATCH); }

size_t oct_dtype_size(oct_dtype dtype) {
  switch (dtype) {
    case OCT_U8:
    case OCT_S8: return 1;
    case OCT_S32:
    case OCT_F32: return 4;
  }
  return 0;
}

const char *oct_dtype_name(oct_dtype dtype) {
  switch (dtype) {
    case OCT_U8: return "uint8";
    case OCT_S8: return "int8";
    case OCT_S32: return "int32";
    case OCT_F32: return "float32";
  }
  return "unknown dtype";
}
