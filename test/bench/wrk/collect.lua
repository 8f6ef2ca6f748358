-- Behaviour, 20 events to a request: -- <customers> <clientId> <seed>
-- A visitor's batch as the tag sends it (libs/tag/browser/delivery.ts): pages, products, searches, something into the cart, an order; members in the tag's
-- order, JSON as text, four browsers' headers. Half the batches are of events younger than five seconds, which have the edge's time; half bring the
-- visitor's, as after a while without a network. Half come from pages of another site than the edge's, half from the edge's own, with cookies and the
-- page's address. Message ids never repeat within a run.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'report.lua')

local customers, line, run
local heads = {}
local items = {
  '"Page Viewed"|{"url":"https://shop.example/c/garden?page=2","referrer":"https://shop.example/"}',
  '"Product Viewed"|{"product_id":"sku-10482","price":19.95,"currency":"GBP","url":"https://shop.example/p/10482","category":"garden"}',
  '"Page Viewed"|{"url":"https://shop.example/","referrer":"https://search.example/?q=lamp"}',
  '"Products Searched"|{"query":"desk lamp","url":"https://shop.example/search?q=desk+lamp","results":48}',
  '"Product Viewed"|{"product_id":"sku-20911","price":"149.00","currency":"GBP","url":"https://shop.example/p/20911"}',
  '"Product Added"|{"product_id":"sku-20911","price":149,"quantity":1,"currency":"GBP","url":"https://shop.example/p/20911"}',
  '"Page Viewed"|{"url":"https://shop.example/cart","referrer":"https://shop.example/p/20911"}',
  '"Cart Viewed"|{"url":"https://shop.example/cart"}',
  '"Product Viewed"|{"product_id":"sku-555","price":4.5,"currency":"GBP","url":"https://shop.example/p/555","tags":["sale","small"]}',
  '"Page Viewed"|{"url":"https://shop.example/c/lamps","referrer":"https://shop.example/cart"}',
}
local order = '"Order Completed"|{"order_id":"%s","total":153.5,"currency":"GBP","coupon":"SPRING","products":[' ..
  '{"product_id":"sku-20911","price":149,"quantity":1},{"product_id":"sku-555","price":4.5,"quantity":1}]}'
local types, properties = {}, {}

-- Header lines in the order of each browser; {1}: the length, {2}: where the page is, {3}: its cookies.
local chromium = [[
Host: edge.shop.example
Connection: keep-alive
Content-Length: {1}
sec-ch-ua-platform: "Windows"
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36
sec-ch-ua: "Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"
Content-Type: text/plain;charset=UTF-8
sec-ch-ua-mobile: ?0
Accept: */*
Origin: {origin}
Sec-Fetch-Site: {site}
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty
Referer: {2}
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8
{3}
]]
local safari = [[
Host: edge.shop.example
Accept: */*
Content-Type: text/plain;charset=UTF-8
Origin: {origin}
Sec-Fetch-Site: {site}
{3}Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty
User-Agent: {agent}
Referer: {2}
Content-Length: {1}
Accept-Language: en-GB,en;q=0.9
Priority: u=3, i
Accept-Encoding: gzip, deflate, br
Connection: keep-alive

]]
local firefox = [[
Host: edge.shop.example
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0
Accept: */*
Accept-Language: en-GB,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: {2}
Content-Type: text/plain;charset=UTF-8
Content-Length: {1}
Origin: {origin}
Connection: keep-alive
{3}Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: {site}
Priority: u=4

]]
local mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15'
local phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

function init(args)
  customers = tonumber(args[1])
  line = 'POST /e/' .. args[2] .. ' HTTP/1.1\r\n'
  run = string.format('%08x-%04x', os.time() % 4294967296, tonumber(args[3]) % 65536)
  math.randomseed(tonumber(args[3]))
  for n, item in ipairs(items) do
    types[n], properties[n] = item:match('^(.-)|(.*)$')
  end
  for _, own in ipairs({ true, false }) do
    for _, browser in ipairs({ { chromium }, { safari, mac }, { safari, phone }, { firefox } }) do
      local said = { agent = browser[2], site = own and 'same-origin' or 'cross-site', origin = 'https://' .. (own and 'edge.' or '') .. 'shop.example' }
      heads[#heads + 1] = { own = own, text = line .. browser[1]:gsub('\n', '\r\n'):gsub('{(%a+)}', said) }
    end
  end
end

local random, format, sub, concat = math.random, string.format, string.sub, table.concat
local sent = 0
local parts = {}

function request()
  sent = sent + 1
  local scattered = format('%08x', (random(0, customers - 1) * 268435399) % 4294967296)
  local customer = '019a' .. sub(scattered, 1, 4) .. '-' .. sub(scattered, 5, 8) .. '-7c4e-9b2d-5f0e8c71a3d6'
  local session = '019b' .. sub(scattered, 1, 4) .. '-' .. sub(scattered, 5, 8) .. '-7c01-9b2d-5f0e8c71a3d6'
  local who = ',"customerId":"' .. customer .. '","sessionId":"' .. session .. '"'
  local id = ',"messageId":"' .. run .. format('-7%03x-8%03x-%08x', sent % 4096, random(0, 4095), sent)
  local time = sent % 2 == 0 and ',"timestamp":"2026-11-20T11:' .. random(10, 59) .. ':' .. random(10, 59) .. '.'
  local first = random(#items)
  for n = 1, 20 do
    local item = (first + n) % #items + 1
    local kind, said = types[item], properties[item]
    if n == 20 then kind, said = format(order, 'o-' .. run .. '-' .. sent):match('^(.-)|(.*)$') end
    parts[n] = '{"type":' .. kind .. id .. format('%04x', n) .. '","properties":' .. said .. who .. (time and time .. (100 + n) .. 'Z"' or '') .. '}'
  end
  local body = '{"batch":[' .. concat(parts, ',', 1, 20) .. ']}'
  local head = heads[random(#heads)]
  local said = {
    ['1'] = tostring(#body),
    ['2'] = head.own and 'https://edge.shop.example/products/' .. random(1000000) or 'https://shop.example/',
    ['3'] = head.own and 'Cookie: vt_c_shop=' .. customer .. '; vt_s_shop=' .. session .. '\r\n' or '',
  }
  return (head.text:gsub('{([123])}', said)) .. body
end
