-- SPDX-License-Identifier: MIT
-- For wrk with one thread: each request asks for one of `num_paths` paths below the URL's folder, at random: numbers of seven
-- digits.  The workload sets num_paths.
local head, tail

function init()
    local folder = wrk.path:match("^(.*/)")
    local request = wrk.format(nil, folder .. "0000000")
    local first, last = request:find("0000000", 1, true)
    head, tail = request:sub(1, first - 1), request:sub(last + 1)
    math.randomseed(os.time())
end

function request()
    return head .. string.format("%07d", math.random(0, num_paths - 1)) .. tail
end
