# Assembles PTX to OUTPUT, a cubin for TARGET, without the line tables that are most of it. Run in the folder of OUTPUT with names that are no
# paths, so that the same bytes come of it wherever it is built.
file(READ ${INPUT} text)
string(REGEX REPLACE "\n[ \t]*\\.(loc|file)[ \t][^\n]*" "" text "${text}")
string(REGEX REPLACE "\n[ \t]*\\.section.*" "\n" text "${text}")
file(WRITE ${OUTPUT}.ptx "${text}")
execute_process(COMMAND ${NVCC} -cubin -arch=${TARGET} -o ${OUTPUT} ${OUTPUT}.ptx RESULT_VARIABLE result)
file(REMOVE ${OUTPUT}.ptx)
if(result)
  message(FATAL_ERROR "${OUTPUT} could not be assembled")
endif()
