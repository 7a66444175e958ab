/* SPDX-License-Identifier: MIT
 * The words for what the cache did. */
#include "filters/cache/words.h"

const char *gw_cache_deed_word(gw_cache_deed_t deed)
{
    static const char *const words[] = {
#define WORD(id, word) word,
        GW_CACHE_DEED_MAP(WORD)
#undef WORD
    };
    return words[deed];
}

const char *gw_cache_detail_word(gw_cache_detail_t detail)
{
    static const char *const words[] = {
#define WORD(id, word) word,
        GW_CACHE_DETAIL_MAP(WORD)
#undef WORD
    };
    return words[detail];
}
