/* OpenBLAS's CBLAS interface and its thread count. */
#include <cblas.h>
