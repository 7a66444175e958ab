/* SPDX-License-Identifier: MIT
 * The rows of the directory. */
#include "backends/directory_data.h"

const gw_directory_user_t gw_directory_users[] = {
    {"Ada Lovelace", "ada@example.com", "London"},
    {"Alan Turing", "alan@example.com", "Manchester"},
    {"Barbara Liskov", "barbara@example.com", "Los Angeles"},
    {"Dennis Ritchie", "dennis@example.com", "Berkeley Heights"},
    {"Edsger Dijkstra", "edsger@example.com", "Nuenen"},
    {"Emmy Noether", "emmy@example.com", "Göttingen"},
    {"Grace Hopper", "grace@example.com", "Arlington"},
    {"Hedy Lamarr", "hedy@example.com", "Wien"},
    {"John von Neumann", "john@example.com", "Budapest"},
    {"Katherine Johnson", "katherine@example.com", "Hampton"},
    {"Konrad Zuse", "konrad@example.com", "Berlin"},
    {"Margaret Hamilton", "margaret@example.com", "Cambridge"},
};
const size_t gw_directory_num_users = sizeof(gw_directory_users) / sizeof(gw_directory_users[0]);

const gw_directory_article_t gw_directory_articles[] = {
    {"Abacus", 1900, 31},          {"Slide rule", 3450, 12},   {"Punched cards, 100 pieces", 799, 250},
    {"Paper tape, 10 m", 450, 88}, {"Vacuum tube", 1220, 40},  {"Core memory, 1 KiB", 25900, 3},
    {"Teletype ribbon", 650, 120}, {"Oscilloscope", 48900, 2}, {"Solder, 250 g", 1490, 64},
    {"Moth, preserved", 199, 1},
};
const size_t gw_directory_num_articles = sizeof(gw_directory_articles) / sizeof(gw_directory_articles[0]);

const gw_directory_order_t gw_directory_orders[] = {
    {7, "2024-09-02", "delivered", {{10, 1}, {3, 5}}},
    {1, "2024-09-09", "delivered", {{3, 20}}},
    {2, "2024-09-17", "delivered", {{4, 12}, {5, 8}}},
    {11, "2024-10-01", "delivered", {{5, 30}, {9, 2}}},
    {4, "2024-10-05", "returned", {{7, 6}}},
    {9, "2024-10-21", "delivered", {{6, 2}}},
    {10, "2024-11-03", "delivered", {{2, 1}, {1, 1}}},
    {12, "2024-11-11", "delivered", {{6, 1}, {4, 10}, {9, 1}}},
    {8, "2024-11-28", "delivered", {{8, 1}}},
    {1, "2024-12-06", "shipped", {{3, 10}, {1, 2}}},
    {3, "2024-12-13", "shipped", {{2, 2}}},
    {6, "2024-12-20", "paid", {{1, 1}, {2, 1}, {4, 1}, {9, 3}}},
    {5, "2024-12-27", "paid", {{7, 1}}},
    {7, "2024-12-31", "open", {{5, 4}}},
};
const size_t gw_directory_num_orders = sizeof(gw_directory_orders) / sizeof(gw_directory_orders[0]);
