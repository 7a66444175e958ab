/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as lines of Accept-Encoding.  What is chosen is what a plain reading of the same lines finds
 * best, however they are cut into lines. */
#include <stdlib.h>
#include "filters/compress/accept_encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/** The same list in one line. */
static gw_accept_encoding_t read_joined(const char *bytes, size_t size)
{
    gw_accept_encoding_t accept = {.any = 0};
    char *joined = malloc(size + 1);
    memcpy(joined, bytes, size);
    for (size_t i = 0; i != size; ++i)
        if (joined[i] == '\n')
            joined[i] = ',';
    gw_accept_encoding_add(&accept, gw_str(joined, size));
    free(joined);
    return accept;
}

static gw_accept_encoding_t read_lines(const char *bytes, size_t size)
{
    gw_accept_encoding_t accept = {.any = 0};
    const char *end = bytes + size;
    for (const char *at = bytes; at != end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline : end) - at);
        gw_accept_encoding_add(&accept, gw_str(at, len));
        at += len + (newline != NULL);
    }
    return accept;
}

/** @return -1: it is refused or was not spoken of; else thousandths */
static int wish_for(const gw_accept_encoding_t *accept, gw_coding_t coding)
{
    int weight = accept->is_said[coding] ? accept->weights[coding] : accept->is_any_said ? accept->any : 0;
    return weight != 0 ? weight : -1;
}

static void check_choice(const gw_accept_encoding_t *accept)
{
    static const gw_coding_t offered[] = {GW_CODING_BR, GW_CODING_GZIP};
    gw_coding_t chosen = gw_accept_encoding_choose(accept, offered, 2);
    int br = wish_for(accept, GW_CODING_BR), gzip = wish_for(accept, GW_CODING_GZIP);
    int best = br > gzip ? br : gzip;
    int plain = accept->is_said[GW_CODING_IDENTITY] ? accept->weights[GW_CODING_IDENTITY] : 0;
    switch (chosen) {
    case GW_CODING_BR:
        must(br > 0 && br >= gzip && br >= plain);
        break;
    case GW_CODING_GZIP:
        must(gzip > 0 && gzip > br && gzip >= plain);
        break;
    default:
        must(chosen == GW_CODING_IDENTITY && (best == -1 || plain > best));
    }
    must(!gw_accept_encoding_refuses_identity(accept) || plain == 0);
    must(gw_accept_encoding_choose(accept, offered, 0) == GW_CODING_IDENTITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    gw_accept_encoding_t lines = read_lines((const char *)data, size), joined = read_joined((const char *)data, size);
    must(lines.any == joined.any && lines.is_any_said == joined.is_any_said);
    for (unsigned i = 0; i != GW_NUM_CODINGS; ++i)
        must(lines.is_said[i] == joined.is_said[i] && lines.weights[i] == joined.weights[i] &&
             lines.weights[i] <= 1000);
    check_choice(&lines);
    return 0;
}
