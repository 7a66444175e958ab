/* SPDX-License-Identifier: MIT
 * The directory's data: invented people, articles and orders.  Static; ids are 1, 2, 3, ... in the order of the rows,
 * and every id that an order names exists (a test keeps it so). */
#ifndef GW_BACKENDS_DIRECTORY_DATA_H
#define GW_BACKENDS_DIRECTORY_DATA_H

#include <stddef.h>
#include <stdint.h>

#define GW_DIRECTORY_MAX_ITEMS     4
#define GW_DIRECTORY_LAST_MODIFIED 1735725600 /* Wed, 01 Jan 2025 10:00:00 GMT: to be moved whenever a row changes */

typedef struct gw_directory_user {
    const char *name, *email, *city;
} gw_directory_user_t;

typedef struct gw_directory_article {
    const char *title;
    unsigned price_cents, stock;
} gw_directory_article_t;

typedef struct gw_directory_order {
    unsigned user;    /* id */
    const char *date; /* ISO 8601 */
    const char *status;
    struct {
        unsigned article, quantity; /* id; 0: no more items */
    } items[GW_DIRECTORY_MAX_ITEMS];
} gw_directory_order_t;

extern const gw_directory_user_t gw_directory_users[];
extern const size_t gw_directory_num_users;
extern const gw_directory_article_t gw_directory_articles[];
extern const size_t gw_directory_num_articles;
extern const gw_directory_order_t gw_directory_orders[];
extern const size_t gw_directory_num_orders;

#endif
