-- Content queries, one random customer each: -- <customers> <clientId> <seed> [get|tag]
-- Nine of ten customers are known: the id of customer n is built as test/bench/harness/shop.ts builds it; a stranger's differs in one character.
-- `tag`: what the tag sends, byte for byte as recorded in Chromium (test/bench/README.md); `get`: the same asked with GET, as a page's own fetch does.
-- Half come from pages of another site than the edge's, which name their origin only; half from pages of the edge's own, which send their address
-- and their cookies. Each visitor has a session and stands on another page.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'report.lua')

local customers, client, form
local browsers = {}
local random, format, sub = math.random, string.format, string.sub

-- Header lines of four browsers in the order of each. {length} and {type}: of a body; {origin}, {site}, {referer}, {cookie}: of the page.
local chromium = [[
Host: {host}
Connection: keep-alive
{length}sec-ch-ua-platform: "Windows"
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36
sec-ch-ua: "Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"
{type}sec-ch-ua-mobile: ?0
Accept: */*
{origin}Sec-Fetch-Site: {site}
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty
Referer: {referer}
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8
{cookie}
]]
local safari = [[
Host: {host}
Accept: */*
{type}{origin}Sec-Fetch-Site: {site}
{cookie}Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty
User-Agent: {agent}
Referer: {referer}
{length}Accept-Language: en-GB,en;q=0.9
Priority: u=3, i
Accept-Encoding: gzip, deflate, br
Connection: keep-alive

]]
local firefox = [[
Host: {host}
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0
Accept: */*
Accept-Language: en-GB,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: {referer}
{type}{length}{origin}Connection: keep-alive
{cookie}Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: {site}
Priority: u=4

]]
local mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15'
local phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

-- A block of headers as the pieces between what changes, and what stands there: the referer, the cookie, the body's length.
local function pieces(lines, agent, isOwn)
  local isPost = form == 'tag'
  local said = {
    host = wrk.headers['Host'],
    agent = agent,
    site = isOwn and 'same-origin' or 'cross-site',
    origin = (isPost or not isOwn) and 'Origin: https://' .. (isOwn and 'edge.' or '') .. 'shop.example\r\n' or '',
    type = isPost and 'Content-Type: text/plain;charset=UTF-8\r\n' or '',
    length = isPost and 'Content-Length: \1\r\n' or '',
    referer = isOwn and '\2' or 'https://shop.example/',
    cookie = isOwn and 'Cookie: \3\r\n' or '',
  }
  local text = lines:gsub('\n', '\r\n'):gsub('{(%a+)}', said)
  local found, from = {}, 1
  for before, mark, behind in text:gmatch('()([\1\2\3])()') do
    found[#found + 1] = sub(text, from, before - 1)
    found[#found + 1] = mark:byte()
    from = behind
  end
  found[#found + 1] = sub(text, from)
  return found
end

function init(args)
  customers, client, form = tonumber(args[1]), args[2], args[4] or 'get'
  math.randomseed(tonumber(args[3]))
  for _, isOwn in ipairs({ true, false }) do
    for _, browser in ipairs({ { chromium }, { safari, mac }, { safari, phone }, { firefox } }) do
      browsers[#browsers + 1] = { own = isOwn, pieces = pieces(browser[1], browser[2], isOwn) }
    end
  end
end

local function id(begin)
  local scattered = format('%08x', (random(0, customers - 1) * 268435399) % 4294967296)
  return begin .. sub(scattered, 1, 4) .. '-' .. sub(scattered, 5, 8) .. '-7c4e-9b2d-5f0e8c71a3d6'
end

function request()
  local browser = browsers[random(#browsers)]
  local customer = id(random(10) > 1 and '019a' or '029a')
  local session = id('019b')
  local host = browser.own and 'edge.shop.example' or 'shop.example'
  local product, items = random(1000000), random(0, 4)
  local page = 'https://' .. host .. '/products/' .. product .. '?utm_source=news'
  local first, body
  if form == 'tag' then
    first = 'POST /q/' .. client .. ' HTTP/1.1\r\n'
    body = '{"customerId":"' .. customer .. '","sessionId":"' .. session .. '","page":"' .. page ..
      '","referrer":"","context":{"cart_items":' .. items .. '},"slots":[{"campaignId":"home","placementId":"hero"}]}'
  else
    first = 'GET /q/' .. client .. '/home?c=' .. customer .. '&s=' .. session .. '&p=hero&u=https%3A%2F%2F' .. host .. '%2Fproducts%2F' ..
      product .. '%3Futm_source%3Dnews&x.cart_items=' .. items .. ' HTTP/1.1\r\n'
    body = ''
  end
  local values = { #body, page, 'vt_c_' .. client .. '=' .. customer .. '; vt_s_' .. client .. '=' .. session }
  local said = { first }
  for index, piece in ipairs(browser.pieces) do said[index + 1] = values[piece] or piece end
  said[#said + 1] = body
  return table.concat(said)
end
