/* SPDX-License-Identifier: MIT
 * The filter `jwt`: lets requests pass that carry a good token (token.h), gives them a principal, forwards claims.
 *
 * On a worker it has the keys as the worker sees them, the tokens that were verified, and the requests that wait for
 * keys to be fetched: those with a key id that is not known, or that came before there were any keys. */
#ifndef FILTERS_JWT_JWT_H
#define FILTERS_JWT_JWT_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_jwt_filter;

#endif
