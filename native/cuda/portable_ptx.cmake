# Makes nvcc's PTX fit for drivers older than nvcc: lowers the .version to VERSION and leaves out hints that came later (used_bytes_mask,
# PTX 8.3). Source files are named without the folders of this machine, and the hash of such a folder that nvcc puts into names of inlined
# functions (_INTERNAL_0123abcd_10_softmax_cu_..., as bytes of the debug information) becomes zeros: the same bytes wherever they are built.
file(READ ${INPUT} text)
string(REGEX REPLACE "\n\\.version [0-9.]+" "\n.version ${VERSION}" text "${text}")
string(REGEX REPLACE "\n[ \t]*\\.pragma \"used_bytes_mask [^\n]*" "\n" text "${text}")
string(REPLACE "\"${FOLDER}" "\"" text "${text}")
string(REGEX REPLACE "\"[^\"\n]*/targets/[^/\n]*/include/" "\"" text "${text}")
set(internal "95,73,78,84,69,82,78,65,76,95,") # _INTERNAL_
set(byte "[0-9]+,")
string(REGEX REPLACE "${internal}${byte}${byte}${byte}${byte}${byte}${byte}${byte}${byte}" "${internal}48,48,48,48,48,48,48,48," text "${text}")
file(WRITE ${OUTPUT} "${text}")
file(REMOVE ${INPUT})
