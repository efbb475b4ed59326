-- Reads a page of an index.
--
-- KEYS  1 index  zset
-- ARGV  1 and 2 lowest and highest score
--       3 score and 4 member of the position after the page; 3 is empty for the end of the index
--       5 maximum number of members
-- Reply members and scores in turns, ascending: the last members before the position

return page(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
