-- Texts of ids in keys. Prefix of the scripts that read the keys of an index's members: Redis asks for all keys in
-- KEYS, but an index and its members are of one moment in one call only. The keys share a slot.

local DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

-- Returns 16 bytes as 22 characters of base64url, without padding.
local function base64url(id)
  local characters = {}
  for i = 1, 16, 3 do
    local a, b, c = string.byte(id, i, i + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for shift = 18, 0, -6 do
      local digit = math.floor(bits / 2 ^ shift) % 64 + 1
      characters[#characters + 1] = string.sub(DIGITS, digit, digit)
    end
  end
  return table.concat(characters, '', 1, 22)
end

