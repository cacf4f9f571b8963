# Makes nvcc's PTX fit for drivers older than nvcc: lowers the .version to VERSION and leaves out hints that came later (used_bytes_mask,
# PTX 8.3). Source files are named without the folder of this machine.
file(READ ${INPUT} text)
string(REGEX REPLACE "\n\\.version [0-9.]+" "\n.version ${VERSION}" text "${text}")
string(REGEX REPLACE "\n[ \t]*\\.pragma \"used_bytes_mask [^\n]*" "\n" text "${text}")
string(REPLACE "\"${FOLDER}" "\"" text "${text}")
file(WRITE ${OUTPUT} "${text}")
file(REMOVE ${INPUT})
