/* SPDX-License-Identifier: MIT
 * The fields of a stored response. */
#include "filters/cache/stored_head.h"
#include "gateway/http/date.h"

static gw_str_t name_of(const h2o_header_t *field)
{
    return gw_str(field->name->base, field->name->len);
}

static gw_str_t value_of(const h2o_header_t *field)
{
    return gw_str(field->value.base, field->value.len);
}

static bool is_date(const h2o_header_t *field)
{
    return gw_str_equal(name_of(field), GW_STR("date"));
}

/** Age is worked out anew for each response. */
static bool is_left_out(const h2o_header_t *field)
{
    return gw_str_equal(name_of(field), GW_STR("age")) || is_date(field);
}

static gw_field_list_t list_for(h2o_mem_pool_t *pool, size_t max)
{
    return (gw_field_list_t){h2o_mem_alloc_pool(pool, sizeof(h2o_header_t) * (max + 1)), 0};
}

/** The last field. */
static void add_date(h2o_mem_pool_t *pool, gw_field_list_t *list, const h2o_header_t *date, int64_t came_wall_s)
{
    if (date != NULL) {
        list->entries[list->size++] = *date;
        return;
    }
    char *text = h2o_mem_alloc_pool(pool, GW_HTTP_DATE_LEN);
    gw_http_date_print(text, came_wall_s);
    list->entries[list->size++] =
        (h2o_header_t){.name = &H2O_TOKEN_DATE->buf, .orig_name = NULL, .value = {text, GW_HTTP_DATE_LEN}};
}

gw_field_list_t gw_stored_fields(h2o_mem_pool_t *pool, const h2o_headers_t *fields,
                                 const gw_cache_response_directives_t *directives, int64_t came_wall_s)
{
    gw_field_list_t list = list_for(pool, fields->size);
    const h2o_header_t *date = NULL;
    for (size_t i = 0; i != fields->size; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        if (is_date(field) && date == NULL)
            date = field;
        if (!is_left_out(field) && gw_cache_is_field_stored(name_of(field), directives))
            list.entries[list.size++] = *field;
    }
    add_date(pool, &list, date, came_wall_s);
    return list;
}

static bool is_among(gw_str_t name, const h2o_headers_t *fields)
{
    for (size_t i = 0; i != fields->size; ++i)
        if (gw_str_equal(name_of(&fields->entries[i]), name))
            return true;
    return false;
}

gw_field_list_t gw_stored_fields_updated(h2o_mem_pool_t *pool, const gw_stored_head_t *stored,
                                         const h2o_headers_t *fields, int64_t came_wall_s)
{
    gw_field_list_t list = list_for(pool, fields->size + stored->num_fields);
    const h2o_header_t *date = NULL;
    for (size_t i = 0; i != stored->num_fields; ++i) {
        const h2o_header_t *field = &stored->fields[i];
        if (!is_left_out(field) && !(gw_cache_is_field_updated(name_of(field)) && is_among(name_of(field), fields)))
            list.entries[list.size++] = *field;
    }
    for (size_t i = 0; i != fields->size; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        if (is_date(field) && date == NULL)
            date = field;
        if (!is_left_out(field) && gw_cache_is_field_updated(name_of(field)))
            list.entries[list.size++] = *field;
    }
    add_date(pool, &list, date, came_wall_s);
    return list;
}

gw_field_list_t gw_stored_fields_allowed(h2o_mem_pool_t *pool, const gw_field_list_t *fields,
                                         const gw_cache_response_directives_t *directives)
{
    gw_field_list_t list = list_for(pool, fields->size);
    for (size_t i = 0; i != fields->size; ++i)
        if (gw_cache_is_field_stored(name_of(&fields->entries[i]), directives))
            list.entries[list.size++] = fields->entries[i];
    return list;
}

/* laying out ------------------------------------------------------------------------------------------------------- */

/** Names that libh2o knows are recognised by their address, which is the same everywhere. */
static bool is_known(const h2o_header_t *field)
{
    return h2o_iovec_is_token(field->name);
}

size_t gw_stored_head_size(const gw_field_list_t *list, gw_str_t vary)
{
    size_t size = sizeof(gw_stored_head_t) + list->size * sizeof(h2o_header_t) + vary.len;
    for (size_t i = 0; i != list->size; ++i) {
        const h2o_header_t *field = &list->entries[i];
        if (!is_known(field))
            size += sizeof(h2o_iovec_t) + field->name->len;
        size += field->value.len + (field->orig_name != NULL ? field->name->len : 0);
    }
    return size;
}

typedef struct room {
    h2o_iovec_t *names; /* the next one */
    char *text;
} room_t;

static char *put(room_t *room, const char *bytes, size_t len)
{
    char *start = room->text;
    if (len != 0)
        memcpy(start, bytes, len);
    room->text += len;
    return start;
}

static void put_field(room_t *room, h2o_header_t *to, const h2o_header_t *field)
{
    size_t name_len = field->name->len;
    to->name = field->name;
    if (!is_known(field)) {
        *room->names = h2o_iovec_init(put(room, field->name->base, name_len), name_len);
        to->name = room->names++;
    }
    to->orig_name = field->orig_name != NULL ? put(room, field->orig_name, name_len) : NULL;
    to->value = h2o_iovec_init(put(room, field->value.base, field->value.len), field->value.len);
}

void gw_stored_head_make(gw_cache_entry_t *entry, const gw_field_list_t *list, gw_str_t vary,
                         const gw_cache_judgement_t *judgement, int64_t came_wall_s)
{
    gw_stored_head_t *head = entry->head;
    size_t num_names = 0;
    for (size_t i = 0; i != list->size; ++i)
        num_names += !is_known(&list->entries[i]);
    room_t room = {(h2o_iovec_t *)(head->fields + list->size), NULL};
    room.text = (char *)(room.names + num_names);
    *head = (gw_stored_head_t){
        .num_fields = (uint32_t)list->size, .last_modified_s = judgement->last_modified_s, .came_wall_s = came_wall_s};
    for (size_t i = 0; i != list->size; ++i) {
        put_field(&room, &head->fields[i], &list->entries[i]);
        gw_str_t name = name_of(&head->fields[i]);
        if (judgement->etag.len != 0 && gw_str_equal(name, GW_STR("etag")))
            head->etag = value_of(&head->fields[i]);
        else if (judgement->last_modified_s != INT64_MIN && gw_str_equal(name, GW_STR("last-modified")))
            head->last_modified = value_of(&head->fields[i]);
    }
    entry->vary = gw_str(put(&room, vary.ptr, vary.len), vary.len);
}
