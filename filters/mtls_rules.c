/* SPDX-License-Identifier: MIT
 * Judging client certificates. */
#include <arpa/inet.h>
#include "filters/mtls_rules.h"

#define FINGERPRINT_DIGITS 64

const char *gw_mtls_result_str(gw_mtls_result_t result)
{
    static const char *const words[] = {
#define RESULT_WORD(id, word) word,
        GW_MTLS_RESULT_MAP(RESULT_WORD)
#undef RESULT_WORD
    };
    return words[result];
}

static bool has(const gw_mtls_entries_t *list, gw_str_t value)
{
    for (size_t i = 0; i != list->size; ++i)
        if (gw_str_equal(list->entries[i].value, value))
            return true;
    return false;
}

/** @param rule in lower case, as the name is */
static bool is_host(gw_str_t rule, gw_str_t name)
{
    if (gw_str_equal(rule, name))
        return true;
    if (!gw_str_starts_with(rule, GW_STR("*.")))
        return false;
    const char *dot = memchr(name.ptr, '.', name.len);
    size_t label = dot != NULL ? (size_t)(dot - name.ptr) : 0;
    return label != 0 && gw_str_equal(gw_str(rule.ptr + 1, rule.len - 1), gw_str(dot, name.len - label));
}

/** RFC 5280 7.5: the part before the '@' as it is, the host in any case. */
static bool is_email(gw_str_t rule, gw_str_t address)
{
    const char *at = memrchr(rule.ptr, '@', rule.len);
    size_t local = (size_t)(at - rule.ptr) + 1;
    return rule.len == address.len && memcmp(rule.ptr, address.ptr, local) == 0 &&
           gw_str_equal_nocase(gw_str(rule.ptr + local, rule.len - local),
                               gw_str(address.ptr + local, address.len - local));
}

static bool is_san(const gw_mtls_entry_t *rule, const gw_san_t *san)
{
    if (rule->kind != san->kind)
        return false;
    switch (rule->kind) {
    case GW_SAN_DNS:
        return is_host(rule->value, san->value);
    case GW_SAN_EMAIL:
        return is_email(rule->value, san->value);
    default:
        return gw_str_equal(rule->value, san->value);
    }
}

static bool has_san(const gw_mtls_entries_t *list, const gw_client_certificate_t *certificate)
{
    for (size_t i = 0; i != certificate->num_sans; ++i)
        for (size_t k = 0; k != list->size; ++k)
            if (is_san(&list->entries[k], &certificate->sans[i]))
                return true;
    return false;
}

gw_str_t gw_mtls_name(const gw_mtls_rules_t *rules, const gw_client_certificate_t *certificate)
{
    gw_str_t text = certificate->texts[rules->name];
    bool is_list = rules->name == GW_CERTIFICATE_SAN_DNS || rules->name == GW_CERTIFICATE_SAN_EMAIL ||
                   rules->name == GW_CERTIFICATE_SAN_URI;
    const char *comma = is_list && text.len != 0 ? memchr(text.ptr, ',', text.len) : NULL;
    return comma != NULL ? gw_str(text.ptr, (size_t)(comma - text.ptr)) : text;
}

gw_mtls_result_t gw_mtls_judge(const gw_mtls_rules_t *rules, const gw_client_certificate_t *certificate)
{
    if (certificate == NULL)
        return GW_MTLS_MISSING;
    if (certificate->has_too_many_sans)
        return GW_MTLS_TOO_MANY_NAMES;
    const gw_str_t *texts = certificate->texts;
    if (rules->subject.size != 0 && !has(&rules->subject, texts[GW_CERTIFICATE_SUBJECT]))
        return GW_MTLS_SUBJECT;
    if (rules->cn.size != 0 && (certificate->common_name.len == 0 || !has(&rules->cn, certificate->common_name)))
        return GW_MTLS_CN;
    if (rules->san.size != 0 && !has_san(&rules->san, certificate))
        return GW_MTLS_SAN;
    if (rules->fingerprint.size != 0 && !has(&rules->fingerprint, texts[GW_CERTIFICATE_FINGERPRINT]))
        return GW_MTLS_FINGERPRINT;
    if (rules->issuer.size != 0 && !has(&rules->issuer, texts[GW_CERTIFICATE_ISSUER]))
        return GW_MTLS_ISSUER;
    return gw_mtls_name(rules, certificate).len != 0 ? GW_MTLS_OK : GW_MTLS_NO_NAME;
}

/** Addresses have many forms, certificates are shown with one.  @return false: it is none */
static bool normalise_address(char *text, gw_mtls_entry_t *entry)
{
    uint8_t address[16];
    char normal[INET6_ADDRSTRLEN];
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, address) != 1 || inet_ntop(family, address, normal, sizeof(normal)) == NULL ||
        strlen(normal) > strlen(text)) /* never longer, but for forms that nobody writes: compared as they are */
        return false;
    memcpy(text, normal, strlen(normal) + 1);
    *entry = (gw_mtls_entry_t){.value = gw_str_of(text), .kind = GW_SAN_IP};
    return true;
}

const char *gw_mtls_entry_of_san(char *text, gw_mtls_entry_t *ret_entry)
{
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    for (const char *c = text; *c != '\0'; ++c)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            return "no spaces, no characters beyond ASCII";
    if (*text == '\0')
        return "a host name, an e-mail address, a URI or an IP address";
    if (normalise_address(text, ret_entry))
        return NULL;
    const char *at = strrchr(text, '@'), *colon = strchr(text, ':');
    *ret_entry = (gw_mtls_entry_t){.value = gw_str_of(text)};
    if (colon != NULL && (at == NULL || colon < at)) {
        ret_entry->kind = GW_SAN_URI;
        return NULL;
    }
    if (at != NULL) {
        ret_entry->kind = GW_SAN_EMAIL;
        return at != text && at[1] != '\0' ? NULL : "an e-mail address has something before and after its '@'";
    }
    ret_entry->kind = GW_SAN_DNS;
    for (char *c = text; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    const char *rest = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    return *rest != '\0' && *rest != '.' && rest[strspn(rest, host)] == '\0'
               ? NULL
               : "a host name of letters, digits, '-', '_' and '.'; '*' only as its whole first label";
}

const char *gw_mtls_entry_of_fingerprint(char *text, gw_mtls_entry_t *ret_entry)
{
    static const char wanted[] = "64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256 -in FILE";
    size_t len = 0;
    for (const char *c = text; *c != '\0'; ++c) {
        char lower = gw_ascii_lower(*c);
        if (lower == ':')
            continue;
        if (!((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f')))
            return wanted;
        text[len++] = lower;
    }
    text[len] = '\0';
    *ret_entry = (gw_mtls_entry_t){.value = gw_str(text, len)};
    return len == FINGERPRINT_DIGITS ? NULL : wanted;
}
