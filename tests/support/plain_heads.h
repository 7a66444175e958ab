/* SPDX-License-Identifier: MIT
 * Plain request heads (gateway/http/plain_head.h) against the parser and the judge: for its tests and for its fuzzer.
 */
#ifndef GW_TESTS_PLAIN_HEADS_H
#define GW_TESTS_PLAIN_HEADS_H

#include "gateway/http/plain_head.h"

/** Reads a head both ways; ends the program when it is taken as plain and the parser and the judge refuse it, or read
 * it otherwise.
 *  @return whether it was taken */
bool plain_head_is_as_judged(const char *bytes, size_t len, gw_http_plain_head_t *head);

#endif
