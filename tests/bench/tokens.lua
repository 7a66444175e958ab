-- SPDX-License-Identifier: MIT
-- For wrk with one thread: each request carries the next token of the file `token_file` (set by the workload), one per
-- line.  The next run against the same port goes on where this one ended, so that a token does not come again before
-- all the others.  All requests are made beforehand, since what the load costs is not to depend on their number.
local requests, at = {}, 0
local place = token_file .. "." .. wrk.port

function init()
    for token in io.lines(token_file) do
        requests[#requests + 1] = wrk.format(nil, nil, {Authorization = "Bearer " .. token})
    end
    local file = io.open(place)
    if file then
        at = file:read("*n")
        file:close()
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

-- in another Lua state than the requests: it only knows how many there were
function done(summary)
    local file, start = io.open(place), 0
    if file then
        start = file:read("*n")
        file:close()
    end
    file = assert(io.open(place, "w"))
    file:write(start + summary.requests)
    file:close()
end
