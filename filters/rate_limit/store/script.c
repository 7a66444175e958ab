/* SPDX-License-Identifier: MIT
 * The script: text, calls, replies. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/script.h"
#include "gateway/base/memory.h"

enum { hash_len = 40, number_size = 24, head_numbers = 5, bucket_numbers = 8, slack_us = 1000000 };

static const uint64_t longest_us = 100ull * 366 * 24 * 3600 * 1000000;

/* the text --------------------------------------------------------------------------------------------------------- */

/* ARGV: op, max_wait_us, number of enforced limits, least and most tokens of a lease; then for each key: unit_us and
 * ticks per unit, and in units and ticks: capacity, a token, the cost.
 *
 * A pair a, b is a units and b ticks, b < ticks per unit.  A bucket is worked on as what is missing from it (the time
 * until it is full): with now in whole units, the two differ in the units only. */
const char gw_script_function[] =
    "local function add(p, a, b, c, d)\n"
    "  a, b = a + c, b + d\n"
    "  if b >= p then return a + 1, b - p end\n"
    "  return a, b\n"
    "end\n"
    "local function minus(p, a, b, c, d)\n" /* 0 when that would be less */
    "  a, b = a - c, b - d\n"
    "  if b < 0 then a, b = a - 1, b + p end\n"
    "  if a < 0 then return 0, 0 end\n"
    "  return a, b\n"
    "end\n"
    "local function less(a, b, c, d) return a < c or (a == c and b < d) end\n"
    "local function times(p, n, a, b)\n"
    "  local r = n * b % p\n"
    "  return n * a + (n * b - r) / p, r\n"
    "end\n"
    /* how many whole tokens a, b is; the division is right but for its last digit */
    "local function tokens(x, a, b, most)\n"
    "  local n = math.floor((a + b / x.p) / (x.ta + x.tb / x.p))\n"
    "  if n > most then n = most end\n"
    "  local c, d = times(x.p, n, x.ta, x.tb)\n"
    "  while less(a, b, c, d) do n = n - 1; c, d = times(x.p, n, x.ta, x.tb) end\n"
    "  while n < most do\n"
    "    c, d = times(x.p, n + 1, x.ta, x.tb)\n"
    "    if less(a, b, c, d) then break end\n"
    "    n = n + 1\n"
    "  end\n"
    "  return n\n"
    "end\n"
    /* what other rules counted: as many tokens are missing, at most all */
    "local function convert(x, a, b, rules)\n"
    "  local u, p, ta, tb = string.match(rules, '^(%d+),(%d+),%d+,%d+,(%d+),(%d+)$')\n"
    "  if not u or tonumber(p) == 0 then return 0, 0 end\n"
    "  local missing = a + b / p\n"
    "  if missing <= 0 then return 0, 0 end\n"
    "  local token = ta + tb / p\n"
    "  if token == 0 then return x.ca, x.cb end\n"
    "  local n = missing / token * (x.ta + x.tb / x.p)\n"
    "  local units = math.floor(n)\n"
    "  local ticks = math.ceil((n - units) * x.p)\n"
    "  if ticks >= x.p then units, ticks = units + 1, 0 end\n"
    "  if not less(units, ticks, x.ca, x.cb) then return x.ca, x.cb end\n"
    "  return units, ticks\n"
    "end\n"
    "local function write(x)\n"
    "  if x.a == 0 and x.b == 0 then\n"
    "    return x.there and redis.pcall('DEL', x.key)\n"
    "  end\n"
    "  local ms = math.ceil((x.a + 1) * x.unit / 1000)\n"
    "  return redis.pcall('SET', x.key,\n"
    "    string.format('%.0f,%.0f,%s', x.now + x.a, x.b, x.rules),\n"
    "    'PX', string.format('%.0f', ms))\n"
    "end\n"
    /* what is read otherwise than it stands there is written at once, though the request may be refused: else the next
     * one would find the old number, which goes on by the old rules, or the old clock */
    "local function read(x, now)\n"
    "  x.now = (now - now % x.unit) / x.unit\n"
    "  local value = redis.call('GET', x.key)\n"
    "  x.a, x.b, x.there = 0, 0, value\n"
    "  if not value then return end\n"
    "  local a, b, rules = string.match(value, '^(%d+),(%d+),(.*)$')\n"
    "  if not a then return end\n"
    "  a, b = tonumber(a), tonumber(b)\n"
    "  if rules ~= x.rules then\n"
    "    local unit = tonumber(string.match(rules, '^(%d+),')) or 1\n"
    "    if unit == 0 then unit = 1 end\n"
    "    x.a, x.b = convert(x, a - (now - now % unit) / unit, b, rules)\n"
    /* not where a smaller bucket cuts off what is missing: whoever still has the larger one would get that back */
    "    if less(x.a, x.b, x.ca, x.cb) then write(x) end\n"
    "  elseif a >= x.now then\n"
    "    x.a, x.b = a - x.now, b\n"
    "  end\n"
    /* the most that can be owed or waited for; more by a second is only missing when
     * the clock was set back */
    "  local c, d = add(x.p, x.ca, x.cb, x.ca, x.cb)\n"
    "  local e = x.ca + 60000000 / x.unit\n"
    "  if less(c, d, e, x.cb) then c, d = e, x.cb end\n"
    "  c = c + 1000000 / x.unit\n"
    "  if less(c, d, x.a, x.b) then\n"
    "    x.a, x.b = c, d\n"
    "    write(x)\n"
    "  end\n"
    "end\n"
    /* both of this return whether it goes, and change nothing but x.na, x.nb */
    "local function take(x, wait)\n"
    "  x.na, x.nb = add(x.p, x.a, x.b, x.da, x.db)\n"
    "  local a, b = minus(x.p, x.na, x.nb, x.ca, x.cb)\n"
    "  return not less((wait - wait % x.unit) / x.unit, 0, a, b)\n"
    "end\n"
    "local function correct(x, op)\n"
    "  if op == 'g' then\n"
    "    x.na, x.nb = minus(x.p, x.a, x.b, x.da, x.db)\n"
    "    return true\n"
    "  end\n"
    "  local c, d = add(x.p, x.ca, x.cb, x.ca, x.cb)\n"
    "  x.na, x.nb = add(x.p, x.a, x.b, x.da, x.db)\n"
    "  if less(c, d, x.na, x.nb) then x.na, x.nb = c, d end\n"
    "  if less(x.na, x.nb, x.a, x.b) then x.na, x.nb = x.a, x.b end\n"
    "  return true\n"
    "end\n"
    /* @return whether all of them go, which of them do not (bit set), or an error */
    "local function all(xs, from, to, op, wait)\n"
    "  local bits = 0\n"
    "  for i = from, to do\n"
    "    local x = xs[i]\n"
    "    local goes\n"
    "    if op == 't' then goes = take(x, wait) else goes = correct(x, op) end\n"
    "    if not goes then bits = bits + 2 ^ (i - from) end\n"
    "  end\n"
    "  if bits ~= 0 then return false, bits end\n"
    "  for i = from, to do\n"
    "    local x = xs[i]\n"
    "    if x.na ~= x.a or x.nb ~= x.b then\n"
    "      x.a, x.b = x.na, x.nb\n"
    "      local r = write(x)\n"
    "      if type(r) == 'table' and r.err then return false, 0, r.err end\n"
    "    end\n"
    "  end\n"
    "  return true, 0\n"
    "end\n"
    "local function lease(xs, num, least, most)\n"
    "  local n = most\n"
    "  for i = 1, num do\n"
    "    local x = xs[i]\n"
    "    local a, b = minus(x.p, x.ca, x.cb, x.a, x.b)\n"
    "    n = tokens(x, a, b, n)\n"
    "  end\n"
    "  if n < least then return 0 end\n"
    "  for i = 1, num do\n"
    "    local x = xs[i]\n"
    "    x.da, x.db = times(x.p, n, x.ta, x.tb)\n"
    "  end\n"
    "  local goes, bits, err = all(xs, 1, num, 't', 0)\n"
    "  return goes and n or 0, err\n"
    "end\n"
    "local function run(now)\n"
    "  local op, wait, num = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "  local xs = {}\n"
    "  for i = 1, #KEYS do\n"
    "    local k = 5 + (i - 1) * 8\n"
    "    local x = {key = KEYS[i], unit = tonumber(ARGV[k + 1]), p = tonumber(ARGV[k + 2]),\n"
    "      ca = tonumber(ARGV[k + 3]), cb = tonumber(ARGV[k + 4]),\n"
    "      ta = tonumber(ARGV[k + 5]), tb = tonumber(ARGV[k + 6]),\n"
    "      da = tonumber(ARGV[k + 7]), db = tonumber(ARGV[k + 8]),\n"
    "      rules = table.concat(ARGV, ',', k + 1, k + 6)}\n"
    "    read(x, now)\n"
    "    xs[i] = x\n"
    "  end\n"
    "  local done, trial, goes, bits, err = 0, 0, true, 0, nil\n"
    "  if op == 'l' then\n"
    "    done, err = lease(xs, num, tonumber(ARGV[4]), tonumber(ARGV[5]))\n"
    "  else\n"
    "    goes, bits, err = all(xs, 1, num, op, wait)\n"
    "    done = goes and 1 or 0\n"
    "    if not err and #KEYS > num then\n"
    "      goes, trial, err = all(xs, num + 1, #KEYS, op, wait)\n"
    "    end\n"
    "  end\n"
    /* before Redis 7 the code stands behind the place in the script */
    "  if err then return {err = (string.gsub(err, '^@?user_script: ?%d+: %-?', ''))} end\n"
    "  local reply = {done, trial}\n"
    "  for i = 1, num do\n"
    "    reply[i * 2 + 1], reply[i * 2 + 2] = xs[i].a, xs[i].b\n"
    "  end\n"
    "  return reply\n"
    "end\n";

/* With replicate_commands a script may write after having looked at the clock; Redis 5 to 7 do so by default, unless
 * told otherwise. */
static const char tail[] = "if redis.replicate_commands then redis.replicate_commands() end\n"
                           "local t = redis.call('TIME')\n"
                           "return run(t[1] * 1000000 + t[2])\n";

/* calls ------------------------------------------------------------------------------------------------------------ */

typedef struct bucket {
    size_t limit;
    bool is_trial;
    const gw_bucket_rules_t *rules;
    char *digest; /* where it stands in the key */
    char numbers[bucket_numbers][number_size];
} bucket_t;

struct gw_script {
    size_t num_limits, num_buckets; /* enforced ones first */
    gw_limit_rules_t rules[GW_MAX_LIMITS];
    bucket_t buckets[2 * GW_MAX_LIMITS];
    char *text;
    size_t text_len;
    char hash[hash_len];
    char num_keys[2][number_size]; /* with trials; without */
    char head[head_numbers][number_size];
    gw_str_t keys[2 * GW_MAX_LIMITS];
    gw_str_t args[GW_SCRIPT_MAX_ARGS];
};

bool gw_script_can_count(const gw_bucket_rules_t *rules)
{
    return rules->capacity / rules->ticks_per_unit < longest_us / rules->unit_us;
}

static gw_str_t print(char text[number_size], uint64_t number)
{
    return gw_str(text, (size_t)snprintf(text, number_size, "%" PRIu64, number));
}

static void print_ticks(bucket_t *bucket, int i, uint64_t ticks)
{
    print(bucket->numbers[i], ticks / bucket->rules->ticks_per_unit);
    print(bucket->numbers[i + 1], ticks % bucket->rules->ticks_per_unit);
}

static void add_bucket(gw_script_t *script, const char *name, const gw_limit_conf_t *limit, size_t i, bool is_trial)
{
    static const char no_digest[] = "________________________________";
    bucket_t *bucket = &script->buckets[script->num_buckets];
    const char *prefix = is_trial ? "sluice-trial" : "sluice";
    char *key;
    int len = asprintf(&key, "%s:{%s:%s}:%s", prefix, name, no_digest, limit->name);
    if (len < 0)
        abort();
    script->keys[script->num_buckets++] = gw_str(key, (size_t)len);
    bucket->limit = i;
    bucket->is_trial = is_trial;
    bucket->rules = is_trial ? &script->rules[i].trial : &script->rules[i].enforced;
    bucket->digest = key + strlen(prefix) + strlen(":{") + strlen(name) + strlen(":");
    print(bucket->numbers[0], bucket->rules->unit_us);
    print(bucket->numbers[1], bucket->rules->ticks_per_unit);
    print_ticks(bucket, 2, bucket->rules->capacity);
    print_ticks(bucket, 4, bucket->rules->ticks_per_token);
}

static void make_hash(gw_script_t *script)
{
    uint8_t sha1[EVP_MAX_MD_SIZE];
    unsigned len;
    if (EVP_Digest(script->text, script->text_len, sha1, &len, EVP_sha1(), NULL) != 1 || len * 2 != hash_len)
        abort();
    for (unsigned i = 0; i != len; ++i) {
        script->hash[2 * i] = "0123456789abcdef"[sha1[i] >> 4];
        script->hash[2 * i + 1] = "0123456789abcdef"[sha1[i] & 15];
    }
}

gw_script_t *gw_script_create(const char *name, const gw_limit_conf_t *limits, size_t num)
{
    gw_script_t *script = gw_must_alloc(1, sizeof(*script));
    if (!gw_limits_make_rules(limits, num, 1, script->rules))
        abort(); /* the reading of the conf has seen to that */
    script->num_limits = num;
    for (size_t i = 0; i != num; ++i)
        add_bucket(script, name, &limits[i], i, false);
    for (size_t i = 0; i != num; ++i)
        if (script->rules[i].has_trial)
            add_bucket(script, name, &limits[i], i, true);
    int len = asprintf(&script->text, "%s%s", gw_script_function, tail);
    if (len < 0)
        abort();
    script->text_len = (size_t)len;
    make_hash(script);
    print(script->num_keys[0], script->num_buckets);
    print(script->num_keys[1], num);
    print(script->head[2], num);
    return script;
}

gw_script_t *gw_script_free(gw_script_t *script)
{
    if (script == NULL)
        return NULL;
    for (size_t i = 0; i != script->num_buckets; ++i)
        free((char *)script->keys[i].ptr);
    free(script->text);
    free(script);
    return NULL;
}

const gw_limit_rules_t *gw_script_rules(const gw_script_t *script)
{
    return script->rules;
}

const gw_str_t *gw_script_call(gw_script_t *script, const gw_script_ask_t *ask, bool with_text, size_t *ret_num_args)
{
    static const char *const ops[] = {
        [GW_SCRIPT_TAKE] = "t", [GW_SCRIPT_CHARGE] = "c", [GW_SCRIPT_GIVE_BACK] = "g", [GW_SCRIPT_LEASE] = "l"};
    bool is_lease = ask->op == GW_SCRIPT_LEASE;
    bool has_trials = !is_lease && !ask->without_trials;
    size_t num = has_trials ? script->num_buckets : script->num_limits;
    gw_str_t *to = script->args;
    *to++ = with_text ? GW_STR("EVAL") : GW_STR("EVALSHA");
    *to++ = with_text ? gw_str(script->text, script->text_len) : gw_str(script->hash, hash_len);
    *to++ = gw_str_of(script->num_keys[!has_trials]);
    for (size_t i = 0; i != num; ++i) {
        memcpy(script->buckets[i].digest, ask->digest, GW_SCRIPT_DIGEST_LEN);
        *to++ = script->keys[i];
    }
    *to++ = gw_str_of(ops[ask->op]);
    *to++ = print(script->head[1], ask->op == GW_SCRIPT_TAKE ? ask->max_wait_us : 0);
    *to++ = gw_str_of(script->head[2]);
    *to++ = print(script->head[3], is_lease ? ask->cost : 0);
    *to++ = print(script->head[4], is_lease ? ask->most : 0);
    for (size_t i = 0; i != num; ++i) {
        bucket_t *bucket = &script->buckets[i];
        print_ticks(bucket, 6, is_lease ? 0 : gw_bucket_cost(bucket->rules, ask->cost));
        for (int k = 0; k != bucket_numbers; ++k)
            *to++ = gw_str_of(bucket->numbers[k]);
    }
    *ret_num_args = (size_t)(to - script->args);
    return script->args;
}

/* replies ---------------------------------------------------------------------------------------------------------- */

static bool contains(gw_str_t text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/** What an error says that matters to an operator.  The codes are looked for anywhere: Redis before 7 puts those of a
 * command in a script behind "ERR Error running script (call to f_...)". */
static const char *cause_of(gw_str_t text)
{
    static const struct {
        const char *code, *cause;
    } causes[] = {
        {"READONLY", "read_only"},     {"OOM ", "out_of_memory"},   {"BUSY ", "busy_script"},
        {"LOADING", "loading"},        {"MISCONF", "misconf"},      {"NOREPLICAS", "no_replicas"},
        {"MASTERDOWN", "no_master"},   {"NOAUTH", "not_signed_in"}, {"NOPERM", "no_permission"},
        {"CLUSTERDOWN", "no_cluster"}, {"MOVED ", "moved"},         {"ASK ", "moved"},
        {"WRONGTYPE", "wrong_type"},
    };
    for (size_t i = 0; i != sizeof(causes) / sizeof(causes[0]); ++i)
        if (contains(text, causes[i].code))
            return causes[i].cause;
    return "error";
}

/** Reads what is missing from a bucket: at most twice its capacity or its capacity and a minute, and a second. */
static bool read_missing(const gw_bucket_rules_t *rules, const gw_redis_reply_t *pair, uint64_t *ret)
{
    int64_t units = pair[0].integer, ticks = pair[1].integer;
    uint64_t most = rules->capacity + gw_bucket_ticks(rules, GW_LONGEST_WAIT_US);
    if (most < 2 * rules->capacity)
        most = 2 * rules->capacity;
    most += gw_bucket_ticks(rules, slack_us);
    return units >= 0 && ticks >= 0 && (uint64_t)ticks < rules->ticks_per_unit &&
           !__builtin_mul_overflow((uint64_t)units, rules->ticks_per_unit, ret) &&
           !__builtin_add_overflow(*ret, (uint64_t)ticks, ret) && *ret <= most;
}

/** What each limit says to it: derived from what is missing, with the arithmetic of bucket.h.
 *  @param max_wait_us longer than this refuses */
static void judge(const gw_script_t *script, const gw_script_ask_t *ask, bool is_taken, const uint64_t *missing,
                  gw_limits_answer_t *answer)
{
    for (size_t i = 0; i != script->num_limits; ++i) {
        const gw_bucket_rules_t *rules = &script->rules[i].enforced;
        uint64_t next, wait, cost = is_taken ? 0 : gw_bucket_cost(rules, ask->cost);
        uint64_t max_wait = ask->op == GW_SCRIPT_TAKE ? gw_bucket_ticks(rules, ask->max_wait_us) : 0;
        bool is_let_in = gw_bucket_take(rules, missing[i], 0, cost, max_wait, &next, &wait);
        answer->levels[i] = gw_bucket_level(rules, missing[i], 0);
        if (is_taken || !is_let_in) {
            uint64_t wait_us = gw_bucket_us(rules, wait);
            answer->wait_us = wait_us > answer->wait_us ? wait_us : answer->wait_us;
        }
        if (!is_let_in)
            answer->refused_by |= 1u << i;
    }
}

static bool read_trials(const gw_script_t *script, int64_t bits, uint32_t *ret)
{
    size_t num = script->num_buckets - script->num_limits;
    if (bits < 0 || bits >= (int64_t)1 << num)
        return false;
    *ret = 0;
    for (size_t i = 0; i != num; ++i)
        if ((bits & (int64_t)1 << i) != 0)
            *ret |= 1u << script->buckets[script->num_limits + i].limit;
    return true;
}

/** Reads what cannot be otherwise but by a server that is none of ours.  @return false: it is otherwise */
static bool read_answer(const gw_script_t *script, const gw_script_ask_t *ask, const gw_redis_reply_t *reply,
                        gw_script_answer_t *answer)
{
    uint64_t missing[GW_MAX_LIMITS];
    bool is_lease = ask->op == GW_SCRIPT_LEASE;
    if (!gw_redis_reply_has_integers(reply, 2 + 2 * script->num_limits) ||
        reply->num_elements != 2 + 2 * script->num_limits)
        return false;
    int64_t done = reply->elements[0].integer;
    if (done < 0 || (uint64_t)done > (is_lease ? ask->most : 1) ||
        !read_trials(script, reply->elements[1].integer, &answer->limits.trial_refused_by))
        return false;
    for (size_t i = 0; i != script->num_limits; ++i)
        if (!read_missing(&script->rules[i].enforced, &reply->elements[2 + 2 * i], &missing[i]))
            return false;
    if (is_lease)
        answer->granted = (uint64_t)done;
    if (ask->op == GW_SCRIPT_CHARGE || ask->op == GW_SCRIPT_GIVE_BACK) {
        for (size_t i = 0; i != script->num_limits; ++i)
            answer->limits.levels[i] = gw_bucket_level(&script->rules[i].enforced, missing[i], 0);
        return done == 1;
    }
    /* a look that goes changed nothing; one that takes nothing is judged as the script did */
    judge(script, ask, done != 0 && ask->cost != 0, missing, &answer->limits);
    if (done == 0)
        return answer->limits.refused_by != 0;
    return (!is_lease || (uint64_t)done >= ask->cost) && answer->limits.refused_by == 0;
}

gw_script_reply_t gw_script_read(const gw_script_t *script, const gw_script_ask_t *ask, const gw_redis_reply_t *reply,
                                 gw_script_answer_t *ret_answer, const char **ret_cause)
{
    if (gw_redis_reply_is_error(reply, "NOSCRIPT"))
        return GW_SCRIPT_NOT_THERE;
    *ret_answer = (gw_script_answer_t){0};
    if (reply->type == GW_REDIS_ERROR)
        *ret_cause = cause_of(reply->text);
    else if (read_answer(script, ask, reply, ret_answer))
        return GW_SCRIPT_ANSWERED;
    else
        *ret_cause = "malformed";
    return GW_SCRIPT_FAILED;
}

void gw_script_levels_of(const gw_script_t *script, uint64_t tokens, gw_bucket_level_t *ret_levels)
{
    for (size_t i = 0; i != script->num_limits; ++i) {
        const gw_bucket_rules_t *rules = &script->rules[i].enforced;
        ret_levels[i] = gw_bucket_level(rules, rules->capacity - gw_bucket_cost(rules, tokens), 0);
    }
}
