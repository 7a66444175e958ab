/* SPDX-License-Identifier: MIT
 * A request body that is already complete in memory (HTTP/2: libh2o collects it before anybody is called).
 * Threads: the exchange's worker.  Borrows the bytes. */
#ifndef GW_EXCHANGE_MEMORY_BODY_H
#define GW_EXCHANGE_MEMORY_BODY_H

#include "gateway/exchange/body.h"

/** @return a body in the pool that yields `bytes` */
gw_body_t *gw_memory_body(h2o_mem_pool_t *pool, h2o_iovec_t bytes);

#endif
