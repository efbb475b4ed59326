-- Texts of ids in keys. Prefix of the scripts that read the keys of an index's members: Redis asks for all keys in
-- KEYS, but an index and its members are of one moment in one call only. The keys share a slot.

local byte, floor = string.byte, math.floor
local DIGITS, digit = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', {}
for i = 1, 64 do digit[i - 1] = string.sub(DIGITS, i, i) end

-- Returns 16 bytes as 22 characters of base64url, without padding.
local function base64url(id)
  local text = ''
  for i = 1, 15, 3 do
    local a, b, c = byte(id, i, i + 2)
    text = text .. digit[floor(a / 4)] .. digit[a % 4 * 16 + floor(b / 16)]
      .. digit[b % 16 * 4 + floor(c / 64)] .. digit[c % 64]
  end
  local last = byte(id, 16)
  return text .. digit[floor(last / 4)] .. digit[last % 4 * 16]
end

