/* SPDX-License-Identifier: MIT
 * One YAML document -> nodes, through libyaml's events.
 *
 * Libyaml's own document tree is not used: it resolves aliases without a limit, keeps no places for keys and accepts
 * duplicate keys silently.  Its marks count from 0. */
#include <stdlib.h>
#include <yaml.h>
#include "gateway/config/environment.h"
#include "gateway/config/text.h"
#include "gateway/config/yaml.h"

enum { num_buckets = 4096 };

struct anchor {
    struct anchor *next; /* in the bucket */
    const char *name;
    gw_node_t *node;
    bool is_open; /* its node is still being read */
};

struct parsing {
    gw_arena_t *arena;
    gw_diag_t *diag;
    const char *file;
    gw_str_t text;
    yaml_parser_t parser;
    yaml_event_t event;
    struct anchor *anchors[num_buckets]; /* by the hash of the name */
    size_t expanded;
};

static gw_mark_t place(const struct parsing *p, yaml_mark_t mark)
{
    return (gw_mark_t){.file = p->file, .line = (unsigned)mark.line + 1, .col = (unsigned)mark.column + 1};
}

static bool line_begins_with_tab(gw_str_t text, size_t line)
{
    const char *at = text.ptr, *end = text.ptr + text.len;

    for (; line != 0 && at != NULL; --line)
        if ((at = memchr(at, '\n', (size_t)(end - at))) != NULL)
            ++at;
    while (at != NULL && at != end && *at == ' ')
        ++at;
    return at != NULL && at != end && *at == '\t';
}

static void report_parser_error(struct parsing *p)
{
    const yaml_parser_t *parser = &p->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML", *hint = NULL;
    gw_mark_t at = place(p, parser->problem_mark);

    if (parser->error == YAML_MEMORY_ERROR)
        abort();
    if (line_begins_with_tab(p->text, parser->problem_mark.line))
        hint = "indent with spaces, not with tabs";
    else if (parser->context != NULL && parser->context_mark.line != parser->problem_mark.line)
        hint = gw_arena_printf(p->arena, "%s that begins at line %zu, column %zu", parser->context,
                               parser->context_mark.line + 1, parser->context_mark.column + 1);
    else
        hint = parser->context;
    gw_diag_error(p->diag, at, hint, "%s", problem);
}

/* the next event is in p->event; the one before is gone */
static bool advance(struct parsing *p)
{
    yaml_event_delete(&p->event);
    if (yaml_parser_parse(&p->parser, &p->event))
        return true;
    report_parser_error(p);
    return false;
}

static struct anchor **bucket_of(struct parsing *p, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name != '\0'; ++name)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return p->anchors + hash % num_buckets;
}

static struct anchor *find_anchor(struct parsing *p, const char *name)
{
    for (struct anchor *anchor = *bucket_of(p, name); anchor != NULL; anchor = anchor->next)
        if (strcmp(anchor->name, name) == 0)
            return anchor;
    return NULL;
}

static struct anchor *add_anchor(struct parsing *p, const yaml_char_t *name, gw_node_t *node)
{
    struct anchor *anchor;

    if (name == NULL)
        return NULL;
    if ((anchor = find_anchor(p, (const char *)name)) == NULL) {
        anchor = gw_arena_alloc(p->arena, sizeof(*anchor));
        anchor->name = gw_arena_strdup(p->arena, gw_str_of((const char *)name));
        struct anchor **bucket = bucket_of(p, anchor->name);
        anchor->next = *bucket;
        *bucket = anchor;
    }
    anchor->node = node;
    anchor->is_open = true;
    return anchor;
}

static gw_node_t *resolve_alias(struct parsing *p)
{
    const char *name = (const char *)p->event.data.alias.anchor;
    const struct anchor *anchor = find_anchor(p, name);
    gw_mark_t at = place(p, p->event.start_mark);

    if (anchor == NULL) {
        gw_diag_error(p->diag, at, "anchors (&name) must stand before the alias, in the same file",
                      "unknown alias '*%s'", name);
        return NULL;
    }
    if (anchor->is_open) {
        gw_diag_error(p->diag, at, NULL, "alias '*%s' stands inside of what it names", name);
        return NULL;
    }
    if ((p->expanded += anchor->node->weight) > GW_YAML_MAX_EXPANDED) {
        gw_diag_error(p->diag, at, "an alias stands for all that its anchor holds, aliases in there included",
                      "alias bomb: the aliases stand for more than %u nodes", GW_YAML_MAX_EXPANDED);
        return NULL;
    }
    return anchor->node;
}

static gw_node_t *new_node(struct parsing *p, gw_node_kind_t kind)
{
    gw_node_t *node = gw_node_new(p->arena, kind);

    node->at = place(p, p->event.start_mark);
    return node;
}

static bool refuse_tag(struct parsing *p, const yaml_char_t *tag)
{
    if (tag == NULL)
        return true;
    gw_diag_error(p->diag, place(p, p->event.start_mark), "leave the tag out", "tag '%s' is not understood",
                  gw_text_shown(p->arena, gw_str_of((const char *)tag)));
    return false;
}

static gw_node_t *read_scalar(struct parsing *p)
{
    gw_str_t written = {(const char *)p->event.data.scalar.value, p->event.data.scalar.length};
    const char *problem = NULL;
    bool has_variables;

    if (!refuse_tag(p, p->event.data.scalar.tag))
        return NULL;
    gw_node_t *node = new_node(p, GW_NODE_SCALAR);
    node->is_quoted = p->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (written.len != 0 && memchr(written.ptr, '\0', written.len) != NULL) {
        gw_diag_error(p->diag, node->at, NULL, "a text must not hold a NUL character");
        return NULL;
    }
    written.ptr = gw_arena_strdup(p->arena, written);
    node->text = gw_environment_fill(p->arena, written, &has_variables, &problem);
    if (has_variables)
        node->source = written.ptr;
    if (node->text.ptr == NULL) {
        gw_diag_error(p->diag, node->at, "${NAME:-default} gives a default, and $$ stands for one '$'", "%s", problem);
        node->text = gw_str(written.ptr, written.len);
        node->is_broken = true;
    }
    return node;
}

/* takes over the pairs that the merge key brings; gw_node_drop_repeated() then lets the earlier ones win */
static bool merge(struct parsing *p, gw_node_t *mapping, const gw_node_t *from, gw_mark_t at, bool is_in_list)
{
    if (from->kind == GW_NODE_SEQUENCE && !is_in_list) {
        for (size_t i = 0; i != from->size; ++i)
            if (!merge(p, mapping, from->items[i], at, true))
                return false;
        return true;
    }
    if (from->kind != GW_NODE_MAPPING) {
        gw_diag_error(p->diag, at, NULL, "'<<' must be a mapping or a list of mappings, found %s",
                      gw_node_found(p->arena, from));
        return false;
    }
    for (size_t i = 0; i != from->size; ++i)
        gw_node_set(p->arena, mapping, from->pairs[i].key, from->pairs[i].at, from->pairs[i].value);
    return true;
}

static gw_node_t *read_node(struct parsing *p, unsigned depth);

/* @return false when reading cannot go on */
static bool read_pair(struct parsing *p, gw_node_t *mapping, gw_node_t **merged, gw_mark_t *merged_at, unsigned depth)
{
    gw_mark_t at = place(p, p->event.start_mark);

    if (p->event.type != YAML_SCALAR_EVENT) {
        gw_diag_error(p->diag, at, NULL, "a key must be a text, not %s",
                      p->event.type == YAML_ALIAS_EVENT ? "an alias" : "a list or a mapping");
        return false;
    }
    if (!refuse_tag(p, p->event.data.scalar.tag))
        return false;
    gw_str_t key = {(const char *)p->event.data.scalar.value, p->event.data.scalar.length};
    bool is_merge = p->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && gw_str_equal(key, GW_STR("<<"));
    if (key.len != 0 && memchr(key.ptr, '\0', key.len) != NULL) {
        gw_diag_error(p->diag, at, NULL, "a key must not hold a NUL character");
        return false;
    }
    if (p->event.data.scalar.anchor != NULL) {
        gw_diag_error(p->diag, at, NULL, "a key cannot have an anchor");
        return false;
    }
    const char *name = gw_arena_strdup(p->arena, key);
    if (!advance(p))
        return false;
    gw_node_t *value = read_node(p, depth + 1);
    if (value == NULL)
        return false;
    if (!is_merge) {
        gw_node_set(p->arena, mapping, name, at, value);
    } else if (*merged != NULL) {
        gw_diag_error(p->diag, at, "give one '<<' a list: <<: [*first, *second]", "duplicate key '<<'");
    } else {
        *merged = value;
        *merged_at = at;
    }
    return true;
}

static bool read_pairs(struct parsing *p, gw_node_t *mapping, unsigned depth)
{
    gw_node_t *merged = NULL;
    gw_mark_t merged_at;

    while (p->event.type != YAML_MAPPING_END_EVENT)
        if (!read_pair(p, mapping, &merged, &merged_at, depth) || !advance(p))
            return false;
    gw_node_refuse_duplicates(p->arena, mapping, p->diag);
    if (merged == NULL)
        return true;
    if (!merge(p, mapping, merged, merged_at, false))
        return false;
    gw_node_drop_repeated(mapping);
    return true;
}

/* reads the node that begins with p->event; leaves its last event there   @return NULL after an error */
static gw_node_t *read_node(struct parsing *p, unsigned depth)
{
    gw_node_t *node;
    struct anchor *anchor;

    if (depth > GW_YAML_MAX_DEPTH) {
        gw_diag_error(p->diag, place(p, p->event.start_mark), NULL, "more than %d levels of lists and mappings",
                      GW_YAML_MAX_DEPTH);
        return NULL;
    }
    switch (p->event.type) {
    case YAML_ALIAS_EVENT:
        return resolve_alias(p);
    case YAML_SCALAR_EVENT:
        if ((node = read_scalar(p)) == NULL)
            return NULL;
        anchor = add_anchor(p, p->event.data.scalar.anchor, node);
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (!refuse_tag(p, p->event.data.sequence_start.tag))
            return NULL;
        node = new_node(p, GW_NODE_SEQUENCE);
        anchor = add_anchor(p, p->event.data.sequence_start.anchor, node);
        if (!advance(p))
            return NULL;
        while (p->event.type != YAML_SEQUENCE_END_EVENT) {
            gw_node_t *item = read_node(p, depth + 1);
            if (item == NULL)
                return NULL;
            gw_node_append(p->arena, node, item);
            if (!advance(p))
                return NULL;
        }
        break;
    case YAML_MAPPING_START_EVENT:
        if (!refuse_tag(p, p->event.data.mapping_start.tag))
            return NULL;
        node = new_node(p, GW_NODE_MAPPING);
        anchor = add_anchor(p, p->event.data.mapping_start.anchor, node);
        if (!advance(p) || !read_pairs(p, node, depth))
            return NULL;
        break;
    default:
        gw_diag_error(p->diag, place(p, p->event.start_mark), NULL, "not YAML");
        return NULL;
    }
    /* the name may have been given to another node meanwhile */
    if (anchor != NULL && anchor->node == node)
        anchor->is_open = false;
    return node;
}

static gw_node_t *empty_document(struct parsing *p, bool is_included)
{
    gw_mark_t at = {.file = p->file, .line = 1, .col = 1};

    if (!is_included) {
        gw_diag_error(p->diag, at, NULL, "the file is empty");
        return NULL;
    }
    gw_diag_warning(p->diag, at, NULL, "the file is empty");
    gw_node_t *node = gw_node_new(p->arena, GW_NODE_MAPPING);
    node->at = at;
    return node;
}

static gw_node_t *read_document(struct parsing *p, bool is_included)
{
    gw_node_t *root;

    /* the stream's beginning, then the document's */
    if (!advance(p) || !advance(p))
        return NULL;
    if (p->event.type == YAML_STREAM_END_EVENT)
        return empty_document(p, is_included);
    if (!advance(p) || (root = read_node(p, 0)) == NULL || !advance(p) || !advance(p))
        return NULL;
    if (p->event.type == YAML_DOCUMENT_START_EVENT) {
        gw_diag_error(p->diag, place(p, p->event.start_mark), "further files can be named under 'include'",
                      "a second YAML document");
        return NULL;
    }
    if (gw_node_is_null(root))
        return empty_document(p, is_included);
    if (root->kind != GW_NODE_MAPPING) {
        gw_diag_error(p->diag, root->at, NULL, "the file must be a mapping (key: value), found %s",
                      gw_node_found(p->arena, root));
        return NULL;
    }
    return root;
}

/* libyaml would refuse these as well, but it tells an offset only */
static bool check_characters(struct parsing *p)
{
    gw_mark_t at = {.file = p->file, .line = 1, .col = 1};

    for (size_t i = 0, len; i != p->text.len; i += len) {
        uint32_t c;
        len = gw_utf8_next(gw_str(p->text.ptr + i, p->text.len - i), &c);
        if (len == 0) {
            gw_diag_error(p->diag, at, "save the file as UTF-8", "byte 0x%02x is not valid UTF-8",
                          (unsigned char)p->text.ptr[i]);
            return false;
        }
        if (c == '\n') {
            ++at.line;
            at.col = 1;
            continue;
        }
        if ((c < 0x20 && c != '\t' && c != '\r') || (c >= 0x7f && c < 0xa0 && c != 0x85) || c == 0xfffe ||
            c == 0xffff) {
            gw_diag_error(p->diag, at, NULL, c == 0 ? "a NUL character" : "control character U+%04X", (unsigned)c);
            return false;
        }
        at.col += i != 0 || c != 0xfeff; /* a byte order mark takes no column */
    }
    return true;
}

gw_node_t *gw_yaml_parse(gw_arena_t *arena, const char *name, gw_str_t text, bool is_included, gw_diag_t *diag)
{
    struct parsing p = {.arena = arena, .diag = diag, .file = name, .text = text};

    if (!check_characters(&p))
        return NULL;
    if (!yaml_parser_initialize(&p.parser))
        abort();
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)text.ptr, text.len);
    gw_node_t *root = read_document(&p, is_included);
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.parser);
    return root;
}
