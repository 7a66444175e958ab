/* SPDX-License-Identifier: MIT
 * Replies, made by hiredis' reader from bytes into memory that is there from the beginning. */
#include <stdalign.h>
#include <hiredis/read.h>
#include "filters/rate_limit/store/redis_reply.h"
#include "gateway/base/memory.h"

/* an item's line and ends: what may lie in the buffer besides the longest text */
#define MAX_PENDING (GW_REDIS_MAX_REPLY + 64)

struct gw_redis_reader {
    redisReader *reader;
    bool is_too_large;
    size_t used; /* of memory, by the reply that is being read */
    alignas(gw_redis_reply_t) char memory[GW_REDIS_MAX_REPLY];
};

/* making objects: hiredis calls these ------------------------------------------------------------------------------ */

static void *take(gw_redis_reader_t *reader, size_t size)
{
    size_t padded = (size + alignof(gw_redis_reply_t) - 1) / alignof(gw_redis_reply_t) * alignof(gw_redis_reply_t);
    if (padded < size || padded > sizeof(reader->memory) - reader->used) {
        reader->is_too_large = true;
        return NULL; /* hiredis gives up with "out of memory" */
    }
    void *bytes = reader->memory + reader->used;
    reader->used += padded;
    return bytes;
}

/** @return where the object of a task goes: into its array, or a place of its own */
static gw_redis_reply_t *place(const redisReadTask *task, gw_redis_type_t type)
{
    gw_redis_reply_t *reply =
        task->parent != NULL ? (gw_redis_reply_t *)((const gw_redis_reply_t *)task->parent->obj)->elements + task->idx
                             : take(task->privdata, sizeof(*reply));
    if (reply != NULL)
        *reply = (gw_redis_reply_t){.type = type};
    return reply;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t len)
{
    gw_redis_reply_t *reply = place(task, task->type == REDIS_REPLY_ERROR    ? GW_REDIS_ERROR
                                          : task->type == REDIS_REPLY_STATUS ? GW_REDIS_STATUS
                                                                             : GW_REDIS_STRING);
    char *copy = reply != NULL ? take(task->privdata, len) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, bytes, len); /* hiredis' buffer moves when it grows */
    reply->text = gw_str(copy, len);
    return reply;
}

static void *create_array(const redisReadTask *task, int num)
{
    gw_redis_reply_t *reply = place(task, GW_REDIS_ARRAY);
    if (reply == NULL || (reply->elements = take(task->privdata, (size_t)num * sizeof(*reply))) == NULL)
        return NULL;
    reply->num_elements = (size_t)num;
    return reply;
}

static void *create_integer(const redisReadTask *task, long long integer)
{
    gw_redis_reply_t *reply = place(task, GW_REDIS_INTEGER);
    if (reply != NULL)
        reply->integer = integer;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return place(task, GW_REDIS_NIL);
}

static void forget(void *object)
{
}

/* the reader ------------------------------------------------------------------------------------------------------- */

gw_redis_reader_t *gw_redis_reader_create(void)
{
    static redisReplyObjectFunctions functions = {.createString = create_string,
                                                  .createArray = create_array,
                                                  .createInteger = create_integer,
                                                  .createNil = create_nil,
                                                  .freeObject = forget};
    gw_redis_reader_t *reader = gw_must_alloc(1, sizeof(*reader));
    if ((reader->reader = redisReaderCreateWithFunctions(&functions)) == NULL)
        abort();
    reader->reader->privdata = reader;
    return reader;
}

gw_redis_reader_t *gw_redis_reader_free(gw_redis_reader_t *reader)
{
    if (reader != NULL)
        redisReaderFree(reader->reader);
    free(reader);
    return NULL;
}

void gw_redis_reader_feed(gw_redis_reader_t *reader, gw_str_t bytes)
{
    if (bytes.len != 0 && reader->reader->err == 0 && redisReaderFeed(reader->reader, bytes.ptr, bytes.len) != REDIS_OK)
        abort(); /* out of memory: there is no other cause */
}

gw_redis_read_t gw_redis_reader_next(gw_redis_reader_t *reader, const gw_redis_reply_t **ret_reply)
{
    void *object = NULL;
    if (reader->is_too_large)
        return GW_REDIS_READ_TOO_LARGE;
    if (reader->reader->ridx == -1)
        reader->used = 0; /* the last reply is complete and was seen */
    int status = redisReaderGetReply(reader->reader, &object);
    if (reader->is_too_large)
        return GW_REDIS_READ_TOO_LARGE;
    if (status != REDIS_OK)
        return GW_REDIS_READ_MALFORMED;
    if (object != NULL) {
        *ret_reply = object;
        return GW_REDIS_READ_REPLY;
    }
    if (reader->reader->len - reader->reader->pos > MAX_PENDING) {
        reader->is_too_large = true;
        return GW_REDIS_READ_TOO_LARGE;
    }
    return GW_REDIS_READ_MORE;
}

/* looking at replies ----------------------------------------------------------------------------------------------- */

bool gw_redis_reply_is_error(const gw_redis_reply_t *reply, const char *code)
{
    gw_str_t word = gw_str_of(code);
    return reply->type == GW_REDIS_ERROR && gw_str_starts_with(reply->text, word) &&
           (reply->text.len == word.len || reply->text.ptr[word.len] == ' ');
}

bool gw_redis_reply_has_integers(const gw_redis_reply_t *reply, size_t least)
{
    if (reply->type != GW_REDIS_ARRAY || reply->num_elements < least)
        return false;
    for (size_t i = 0; i != reply->num_elements; ++i)
        if (reply->elements[i].type != GW_REDIS_INTEGER)
            return false;
    return true;
}
