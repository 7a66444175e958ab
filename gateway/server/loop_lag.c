/* SPDX-License-Identifier: MIT
 * A loop's lag. */
#include "gateway/server/loop_lag.h"

#define HALF_LIFE_US (2 * GW_LOOP_LAG_PERIOD_MS * 1000)

static uint64_t since(uint64_t then_us, uint64_t now_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

static uint64_t faded(const gw_loop_lag_t *lag, uint64_t now_us)
{
    uint64_t halvings = since(lag->measured_us, now_us) / HALF_LIFE_US;
    return halvings < 64 ? lag->mean_us >> halvings : 0;
}

void gw_loop_lag_send(gw_loop_lag_t *lag, uint64_t now_us)
{
    lag->mean_us = faded(lag, now_us);
    lag->measured_us = now_us; /* while it is out, nothing fades */
    lag->sent_us = now_us;
}

void gw_loop_lag_arrive(gw_loop_lag_t *lag, uint64_t now_us)
{
    lag->mean_us = (lag->mean_us + since(lag->sent_us, now_us)) / 2;
    lag->measured_us = now_us;
    lag->sent_us = 0;
}

uint64_t gw_loop_lag_now(const gw_loop_lag_t *lag, uint64_t now_us)
{
    if (lag->sent_us == 0)
        return faded(lag, now_us);
    uint64_t age = since(lag->sent_us, now_us);
    return age > lag->mean_us ? age : lag->mean_us;
}
