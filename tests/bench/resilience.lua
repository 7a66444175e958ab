-- SPDX-License-Identifier: MIT
-- The load of tests/bench/resilience, for wrk with one thread.  Beside counting statuses it does what wrk does not:
--
-- * The load ends softly: after $LOAD_SECONDS no connection sends another request, and wrk is stopped when each has had its
--   answer.  So a request without an answer is one that was lost, not one that the end of the run cut off.
-- * wrk adds made-up samples to its latencies ("coordinated omission", stats_correct() in its wrk.c): 9 slow answers of
--   150 000 can make a p99 of 400 ms.  That is undone, so the percentiles are those of the answers that there were.
-- * $LOAD_PAUSE_MS: each connection pauses about so long between an answer and its next request.  Without a pause, whoever
--   refuses fastest is asked most often.
local ffi = require("ffi")

ffi.cdef [[
typedef struct { long s, ns; } load_time_t;
typedef struct { uint64_t count, limit, min, max, data[]; } load_stats_t; /* wrk 4.1 and 4.2, stats.h */
int clock_gettime(int clock, load_time_t *ret);
int getpid(void);
int kill(int pid, int signal);
]]

local SIGINT, CLOCK_MONOTONIC = 2, 1
local NEVER_MS = 3600 * 1000
local seconds = tonumber(os.getenv("LOAD_SECONDS"))
local connections = tonumber(os.getenv("LOAD_CONNECTIONS"))
local pause_ms = tonumber(os.getenv("LOAD_PAUSE_MS"))
local time, started_ms, text = ffi.new("load_time_t[1]"), nil, nil

-- read by done(), which runs in a Lua state of its own
issued, answered, succeeded, parked, elapsed_ms, of_status = 0, 0, 0, 0, 0, {}

local function now_ms()
    ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
    return tonumber(time[0].s) * 1000 + tonumber(time[0].ns) / 1000000
end

local the_thread
function setup(thread)
    the_thread = thread
end

function init()
    text = wrk.format()
    math.randomseed(1)
end

-- asked before every request, the first one of a connection too
function delay()
    local now = now_ms()
    if started_ms == nil then
        started_ms = now
        issued = 0 -- wrk has tried request() once
    end
    if now < started_ms + seconds * 1000 then
        return math.floor(pause_ms * (0.5 + math.random()) + 0.5)
    end
    parked = parked + 1
    if parked == connections then
        ffi.C.kill(ffi.C.getpid(), SIGINT) -- wrk stops and reports
    end
    return NEVER_MS
end

function request()
    issued = issued + 1
    return text
end

function response(status)
    answered = answered + 1
    elapsed_ms = now_ms() - started_ms
    if status >= 200 and status < 300 then
        succeeded = succeeded + 1
    end
    of_status[status] = (of_status[status] or 0) + 1
end

-- wrk's data'[n] is data[n] + data'[n + interval] for n > interval
local function percentiles(latency, summary)
    local stats = ffi.cast("load_stats_t **", latency)[0]
    local max, interval = tonumber(stats.max), math.huge
    local rounds = math.floor(summary.requests / connections)
    if rounds > 0 then
        interval = math.floor(summary.duration / rounds)
    end
    local p50, p99, sum = 0, 0, 0
    for n = 0, max do
        local count = tonumber(stats.data[n])
        if n > interval and n + interval <= max then
            count = count - tonumber(stats.data[n + interval])
        end
        if count ~= 0 then
            if sum < summary.requests * 0.5 then p50 = n end
            if sum < summary.requests * 0.99 then p99 = n end
            sum = sum + count
        end
    end
    if sum ~= summary.requests then
        io.stderr:write(string.format("latencies of %d answers, but %d answers: this wrk is unknown to resilience.lua\n",
            sum, summary.requests))
        return -1, -1
    end
    return p50, p99
end

function done(summary, latency)
    local p50, p99 = percentiles(latency, summary)
    local length_ms = math.max(the_thread:get("elapsed_ms"), seconds * 1000)
    local statuses = ""
    for status, count in pairs(the_thread:get("of_status")) do
        statuses = statuses .. " " .. status .. ":" .. count
    end
    -- resilience reads this line
    print(string.format("load: %d %d %d %d %d %d %d%s", the_thread:get("issued"), the_thread:get("answered"),
        the_thread:get("succeeded"), summary.errors.connect, p50, p99, length_ms, statuses))
end
