/* SPDX-License-Identifier: MIT
 * The words for what the cache did and why, in the access log and in Cache-Status; sluice(8) lists them all.  Others
 * that say why come from judgement.h (why a response is not stored), purge_order.h and gw_reason_t (how the service
 * failed).  Pure. */
#ifndef FILTERS_CACHE_WORDS_H
#define FILTERS_CACHE_WORDS_H

/** What was done with a request: the verdict of the decision. */
#define GW_CACHE_DEED_MAP(XX)                                                                                          \
    XX(HIT, "hit")                                                                                                     \
    XX(STALE, "stale")             /* answered with a stale response */                                                \
    XX(REVALIDATED, "revalidated") /* with one that the service has confirmed */                                       \
    XX(MISS, "miss")               /* the service was asked */                                                         \
    XX(COLLAPSED, "collapsed")     /* it was asked for another request, too */                                         \
    XX(BYPASS, "bypass")           /* it was asked, and the store was not looked into */                               \
    XX(PURGED, "purged")                                                                                               \
    XX(PURGED_SOFTLY, "purged_softly")                                                                                 \
    XX(REFUSED, "refused") /* a PURGE */

typedef enum gw_cache_deed {
#define GW_CACHE_DEED_ENUM(id, word) GW_CACHE_DEED_##id,
    GW_CACHE_DEED_MAP(GW_CACHE_DEED_ENUM)
#undef GW_CACHE_DEED_ENUM
} gw_cache_deed_t;
const char *gw_cache_deed_word(gw_cache_deed_t deed);

/** Why: the reason of the decision, and `detail` of Cache-Status. */
#define GW_CACHE_DETAIL_MAP(XX)                                                                                        \
    XX(MAX_STALE, "max-stale")                     /* stale, and the client takes that */                              \
    XX(WHILE_REVALIDATE, "stale-while-revalidate") /* stale, and the service is asked meanwhile */                     \
    XX(IF_ERROR, "stale-if-error")                 /* stale, and the service failed */                                 \
    XX(PURGED_SOFTLY, "purged-softly")             /* so what is stored was not used as it is */                       \
    XX(UNCACHEABLE, "uncacheable")                 /* a response of the URL could not be stored a moment ago */        \
    XX(NOT_COLLAPSED, "not-collapsed")             /* it waited for others' requests in vain */                        \
    XX(ONLY_IF_CACHED, "only-if-cached")           /* nothing was found, and the client wants nothing else */          \
    XX(HEAD, "head")                               /* what it brings answers no GET */                                 \
    XX(BYPASS_RULE, "bypass-rule")                 /* the conf's `bypass` */                                           \
    XX(REQUEST_BODY, "request-body")               /* nobody says what it means */                                     \
    XX(AMBIGUOUS_KEY, "ambiguous-key")             /* something that the key is made of is there twice */              \
    XX(PRECONDITIONS, "preconditions")             /* If-Match, If-Unmodified-Since: for the service to judge */       \
    XX(NOT_ALLOWED, "purge_not_allowed")           /* a PURGE from an address that is not listed */                    \
    XX(BUSY, "purge_busy")                         /* a PURGE that would have to wait too long */

typedef enum gw_cache_detail {
#define GW_CACHE_DETAIL_ENUM(id, word) GW_CACHE_DETAIL_##id,
    GW_CACHE_DETAIL_MAP(GW_CACHE_DETAIL_ENUM)
#undef GW_CACHE_DETAIL_ENUM
} gw_cache_detail_t;
const char *gw_cache_detail_word(gw_cache_detail_t detail);

#endif
