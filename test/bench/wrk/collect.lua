-- Behaviour, 20 events to a request: -- <customers> <clientId> <seed>
-- A visitor's batch as a tag sends it: pages, products, searches, something into the cart, an order. Message ids never repeat within a run.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'report.lua')

local customers, head, run
local items = {
  '"type":"Page Viewed"|"properties":{"url":"https://shop.example/c/garden?page=2","referrer":"https://shop.example/","title":"Garden – the shop"}',
  '"type":"Product Viewed"|"properties":{"product_id":"sku-10482","price":19.95,"currency":"GBP","url":"https://shop.example/p/10482","category":"garden"}',
  '"type":"Page Viewed"|"properties":{"url":"https://shop.example/","referrer":"https://search.example/?q=lamp","title":"The shop"}',
  '"type":"Products Searched"|"properties":{"query":"desk lamp","url":"https://shop.example/search?q=desk+lamp","results":48}',
  '"type":"Product Viewed"|"properties":{"product_id":"sku-20911","price":"149.00","currency":"GBP","url":"https://shop.example/p/20911"}',
  '"type":"Product Added"|"properties":{"product_id":"sku-20911","price":149,"quantity":1,"currency":"GBP","url":"https://shop.example/p/20911"}',
  '"type":"Page Viewed"|"properties":{"url":"https://shop.example/cart","referrer":"https://shop.example/p/20911"}',
  '"type":"Cart Viewed"|"properties":{"url":"https://shop.example/cart"}',
  '"type":"Product Viewed"|"properties":{"product_id":"sku-555","price":4.5,"currency":"GBP","url":"https://shop.example/p/555","tags":["sale","small"]}',
  '"type":"Page Viewed"|"properties":{"url":"https://shop.example/c/lamps","referrer":"https://shop.example/cart","title":"Lamps – the shop"}',
}
local order = '"type":"Order Completed"|"properties":{"order_id":"%s","total":153.5,"currency":"GBP","coupon":"SPRING","products":[' ..
  '{"product_id":"sku-20911","price":149,"quantity":1},{"product_id":"sku-555","price":4.5,"quantity":1}]}'
local before, after = {}, {}

function init(args)
  customers = tonumber(args[1])
  run = args[3] .. '-' .. os.time()
  math.randomseed(tonumber(args[3]))
  head = 'POST /e/' .. args[2] .. ' HTTP/1.1\r\nHost: ' .. wrk.headers['Host'] .. '\r\n' ..
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0\r\nAccept: */*\r\n' ..
    'Origin: https://shop.example\r\nContent-Type: application/json\r\nContent-Length: '
  for n, item in ipairs(items) do
    before[n], after[n] = item:match('^(.-)|(.*)$')
  end
end

local random, format, sub, concat = math.random, string.format, string.sub, table.concat
local sent = 0
local parts = {}

function request()
  sent = sent + 1
  local scattered = format('%08x', (random(0, customers - 1) * 268435399) % 4294967296)
  local who = '","customerId":"019a' .. sub(scattered, 1, 4) .. '-' .. sub(scattered, 5, 8) .. '-7c4e-9b2d-5f0e8c71a3d6"' ..
    ',"sessionId":"' .. scattered .. '-5e55-4c01-9b2d-5f0e8c71a3d6","timestamp":"2026-11-20T11:' .. random(10, 59) .. ':' .. random(10, 59) .. '.'
  local id = ',"messageId":"' .. run .. '-' .. sent .. '-'
  local first = random(#items)
  for n = 1, 19 do
    local item = (first + n) % #items + 1
    parts[n] = '{' .. before[item] .. id .. n .. who .. (100 + n) .. 'Z",' .. after[item] .. '}'
  end
  parts[20] = (format('{' .. order, run .. '-' .. sent):gsub('|', id .. '20' .. who .. '120Z",')) .. '}'
  local body = '{"batch":[' .. concat(parts, ',', 1, 20) .. ']}'
  return head .. #body .. '\r\n\r\n' .. body
end
