/* SPDX-License-Identifier: MIT
 * Which client certificates are let in.  The certificate itself is genuine: the handshake has seen to that; here it is
 * only asked whose it is.  Pure.
 *
 * Every kind of rule that is given must be met by one of its entries.  Entries are compared in full:
 *   cn           as it stands in the certificate, in UTF-8
 *   subject, issuer  in the form of RFC 4514 as the logs show it: "CN=alice,O=Example,C=DE"
 *   fingerprint  64 hexadecimal digits, with or without colons
 *   san          what an entry looks like says which kind of alternative name it is for, so that a URI that reads like
 * a host name is not taken for one: an address; text with '@' (the part after it in any case); with ':' a URI; anything
 * else a host name, in any case.  "*.example.com" stands for exactly one label. */
#ifndef FILTERS_MTLS_RULES_H
#define FILTERS_MTLS_RULES_H

#include "gateway/server/client_certificate.h"

/** One entry of a list, made ready to be compared. */
typedef struct gw_mtls_entry {
    gw_str_t value;
    gw_san_kind_t kind; /* of san */
} gw_mtls_entry_t;

typedef struct gw_mtls_entries {
    gw_mtls_entry_t *entries;
    size_t size; /* 0: no such rule */
} gw_mtls_entries_t;

typedef struct gw_mtls_rules {
    gw_mtls_entries_t cn, san, fingerprint, issuer, subject;
    gw_certificate_text_t name; /* what the principal is called by; the first of a list */
} gw_mtls_rules_t;

/** id, stable word for the log */
#define GW_MTLS_RESULT_MAP(XX)                                                                                         \
    XX(OK, "ok")                                                                                                       \
    XX(MISSING, "missing")                                                                                             \
    XX(NO_NAME, "no_name")               /* it lacks what the principal is to be called by */                          \
    XX(TOO_MANY_NAMES, "too_many_names") /* more alternative names than are read */                                    \
    XX(CN, "cn_not_allowed")                                                                                           \
    XX(SAN, "san_not_allowed")                                                                                         \
    XX(FINGERPRINT, "fingerprint_not_allowed")                                                                         \
    XX(ISSUER, "issuer_not_allowed")                                                                                   \
    XX(SUBJECT, "subject_not_allowed")

typedef enum gw_mtls_result {
#define GW_MTLS_RESULT_ENUM(id, word) GW_MTLS_##id,
    GW_MTLS_RESULT_MAP(GW_MTLS_RESULT_ENUM)
#undef GW_MTLS_RESULT_ENUM
} gw_mtls_result_t;

const char *gw_mtls_result_str(gw_mtls_result_t result);

/** @param certificate NULL: the client has none; one with too many alternative names is refused whatever the rules
 *  @return the first rule that is not met */
gw_mtls_result_t gw_mtls_judge(const gw_mtls_rules_t *rules, const gw_client_certificate_t *certificate);
/** @return what the principal is called; empty when the certificate has no such name */
gw_str_t gw_mtls_name(const gw_mtls_rules_t *rules, const gw_client_certificate_t *certificate);

/** Makes an entry of `san` ready.  @param text changed in place, and kept
 *  @return NULL, or what is wrong with it */
const char *gw_mtls_entry_of_san(char *text, gw_mtls_entry_t *ret_entry);
/** The same for `fingerprint`. */
const char *gw_mtls_entry_of_fingerprint(char *text, gw_mtls_entry_t *ret_entry);

#endif
