-- SPDX-License-Identifier: MIT
-- For wrk with one thread: each request carries a key in the field `field`: one request in `every` has a number of seven
-- digits below `num_keys`, at random, the others have "always".  The workload sets these.  When there are many keys,
-- requests are put together one by one: to make all of them beforehand would take too long.
local most_made = 20000
local head, tail, always
local made, num_asked = {}, 0

local function make(key)
    return head .. string.format("%07d", key) .. tail
end

function init()
    always = wrk.format(nil, nil, {[field] = "always"})
    local first, last = always:find("always", 1, true)
    head, tail = always:sub(1, first - 1), always:sub(last + 1)
    for key = 0, num_keys <= most_made and num_keys - 1 or -1 do
        made[key] = make(key)
    end
    math.randomseed(os.time())
end

function request()
    num_asked = num_asked + 1
    if num_asked % every ~= 0 then
        return always
    end
    local key = math.random(0, num_keys - 1)
    return made[key] or make(key)
end
