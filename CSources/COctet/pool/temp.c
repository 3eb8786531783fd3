#include "octet/pool.h"
oct_status oct_max_pool(const oct_pool *pool, const oct_run *run) { (void)pool; (void)run; return OCT_UNSUPPORTED; }
