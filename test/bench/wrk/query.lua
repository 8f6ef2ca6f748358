-- Content queries, one random customer each: -- <customers> <clientId> <seed>
-- Nine of ten customers are known: the id of customer n is built as test/bench/harness/shop.ts builds it; a stranger's differs in one character.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'report.lua')

local customers, client, head
local tails = {}

function init(args)
  customers, client = tonumber(args[1]), args[2]
  math.randomseed(tonumber(args[3]))
  head = 'GET /q/' .. client .. '/home?c='
  -- What browsers send along with a query of the tag.
  local agents = {
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  }
  for agent = 1, #agents do
    for items = 0, 4 do
      tails[#tails + 1] = '-7c4e-9b2d-5f0e8c71a3d6&p=hero&x.cart_items=' .. items .. ' HTTP/1.1\r\n' ..
        'Host: ' .. wrk.headers['Host'] .. '\r\n' ..
        'User-Agent: ' .. agents[agent] .. '\r\n' ..
        'Accept: */*\r\n' ..
        'Accept-Language: en-GB,en;q=0.9\r\n' ..
        'Accept-Encoding: gzip, deflate, br\r\n' ..
        'Referer: https://shop.example/\r\n' ..
        '\r\n'
    end
  end
end

local random, format, sub = math.random, string.format, string.sub

function request()
  local scattered = format('%08x', (random(0, customers - 1) * 268435399) % 4294967296)
  local known = random(10) > 1 and '019a' or '029a'
  return head .. known .. sub(scattered, 1, 4) .. '-' .. sub(scattered, 5, 8) .. tails[random(#tails)]
end
