/* SPDX-License-Identifier: MIT
 * The filter `compress`: gives responses a content coding that their client takes (RFC 9110 8.4). */
#ifndef FILTERS_COMPRESS_COMPRESS_H
#define FILTERS_COMPRESS_COMPRESS_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_compress_filter;

#endif
