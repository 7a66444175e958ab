/* SPDX-License-Identifier: MIT
 * Reading Accept-Encoding. */
#include "filters/compress/accept_encoding.h"
#include "gateway/http/syntax.h"

static const char *const names[] = {
    [GW_CODING_IDENTITY] = "identity", [GW_CODING_GZIP] = "gzip", [GW_CODING_BR] = "br"};

const char *gw_coding_name(gw_coding_t coding)
{
    return names[coding];
}

gw_coding_t gw_coding_from(gw_str_t name)
{
    unsigned coding = 0;
    if (gw_str_equal_nocase(name, GW_STR("x-gzip")))
        return GW_CODING_GZIP;
    while (coding != GW_NUM_CODINGS && !gw_str_equal_nocase(name, gw_str_of(names[coding])))
        ++coding;
    return (gw_coding_t)coding;
}

/** RFC 9110 12.4.2: "0" or "1", and up to three decimals, which are zeros after "1".  @return false: it is none */
static bool parse_weight(gw_str_t s, uint16_t *ret)
{
    unsigned unit = 100, weight;
    if (s.len == 0 || s.len > 5 || s.ptr[0] < '0' || s.ptr[0] > '1' || (s.len > 1 && s.ptr[1] != '.'))
        return false;
    weight = s.ptr[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < s.len; ++i, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        weight += (unsigned)(s.ptr[i] - '0') * unit;
    }
    *ret = (uint16_t)weight;
    return weight <= 1000;
}

/** Splits "gzip;q=0.5".  @return false: it is something else */
static bool parse_member(gw_str_t member, gw_str_t *ret_name, uint16_t *ret_weight)
{
    const char *semicolon = memchr(member.ptr, ';', member.len);
    *ret_weight = 1000;
    *ret_name = member;
    if (semicolon != NULL) {
        gw_str_t weight = gw_str(semicolon + 1, member.len - (size_t)(semicolon + 1 - member.ptr));
        weight = gw_http_trim(weight);
        *ret_name = gw_http_trim(gw_str(member.ptr, (size_t)(semicolon - member.ptr)));
        if (weight.len < 2 || gw_ascii_lower(weight.ptr[0]) != 'q' || weight.ptr[1] != '=' ||
            !parse_weight(gw_str(weight.ptr + 2, weight.len - 2), ret_weight))
            return false;
    }
    return gw_http_is_token(*ret_name);
}

static void say(bool *is_said, uint16_t *its, uint16_t weight)
{
    if (!*is_said || weight < *its)
        *its = weight;
    *is_said = true;
}

void gw_accept_encoding_add(gw_accept_encoding_t *accept, gw_str_t value)
{
    gw_str_t member, name;
    uint16_t weight;
    while (gw_http_list_next(&value, &member)) {
        if (!parse_member(member, &name, &weight))
            continue;
        gw_coding_t coding = gw_coding_from(name);
        if (gw_str_equal(name, GW_STR("*")))
            say(&accept->is_any_said, &accept->any, weight);
        else if (coding != GW_NUM_CODINGS)
            say(&accept->is_said[coding], &accept->weights[coding], weight);
    }
}

static uint16_t weight_of(const gw_accept_encoding_t *accept, gw_coding_t coding)
{
    return accept->is_said[coding] ? accept->weights[coding] : accept->is_any_said ? accept->any : 0;
}

gw_coding_t gw_accept_encoding_choose(const gw_accept_encoding_t *accept, const gw_coding_t *offered, size_t num)
{
    gw_coding_t best = GW_CODING_IDENTITY;
    uint16_t most = 0;
    for (size_t i = 0; i != num; ++i) {
        uint16_t weight = weight_of(accept, offered[i]);
        if (weight > most) {
            most = weight;
            best = offered[i];
        }
    }
    bool is_plain_better = accept->is_said[GW_CODING_IDENTITY] && accept->weights[GW_CODING_IDENTITY] > most;
    return is_plain_better ? GW_CODING_IDENTITY : best;
}

bool gw_accept_encoding_refuses_identity(const gw_accept_encoding_t *accept)
{
    bool is_said = accept->is_said[GW_CODING_IDENTITY] || accept->is_any_said;
    return is_said && weight_of(accept, GW_CODING_IDENTITY) == 0;
}
