/* SPDX-License-Identifier: MIT
 * Pressure and grades. */
#include "gateway/server/overload_rules.h"

#define GRADE       1000 /* the pressure over which the refused share of a priority rises from none to all */
#define ERROR_SHARE 64

const char *gw_overload_cause_word(gw_overload_cause_t cause)
{
    static const char *const words[] = {
#define WORD(id, word) [GW_OVERLOAD_##id] = word,
        GW_OVERLOAD_MAP(WORD)
#undef WORD
    };
    return words[cause];
}

static uint64_t pressure_of(uint64_t load, uint64_t bound)
{
    uint64_t scaled;
    if (bound == 0)
        return 0;
    if (__builtin_mul_overflow(load, GW_PRESSURE_AT_BOUND, &scaled))
        return GW_PRESSURE_MOST;
    return scaled / bound < GW_PRESSURE_MOST ? scaled / bound : GW_PRESSURE_MOST;
}

uint64_t gw_overload_pressure(const gw_overload_amounts_t *load, const gw_overload_amounts_t *bounds,
                              gw_overload_cause_t *ret_cause)
{
    uint64_t most = 0;
    for (int cause = 0; cause != GW_OVERLOAD_CAUSES; ++cause) {
        uint64_t pressure = pressure_of(load->of[cause], bounds->of[cause]);
        if (pressure > most) {
            most = pressure;
            *ret_cause = (gw_overload_cause_t)cause;
        }
    }
    return most;
}

bool gw_overload_refuses(gw_priority_t priority, uint64_t pressure, uint64_t random)
{
    if (priority == GW_PRIORITY_CRITICAL)
        return false;
    uint64_t begins = GW_PRESSURE_BEGINS + (uint64_t)priority * GRADE;
    if (pressure <= begins)
        return false;
    return (random >> 32) * GRADE >> 32 < pressure - begins;
}

uint64_t gw_overload_step(uint64_t bound, uint64_t num_workers)
{
    uint64_t step = bound / (ERROR_SHARE * num_workers);
    return step != 0 ? step : 1;
}
