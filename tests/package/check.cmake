# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# cmake -DSOURCE=<project> -DBUILD=<new folder> [-DRUN=<program>] [-DEXPECT=<regex>] -P check.cmake -- <cmake options>
#
# Configures a project, builds it, and runs RUN from its build folder. With EXPECT it has to fail while it is
# configured, with a text that matches.

cmake_minimum_required(VERSION 3.23)

set(options "")
set(after_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
    if(after_dashes)
        list(APPEND options ${CMAKE_ARGV${i}})
    elseif(CMAKE_ARGV${i} STREQUAL "--")
        set(after_dashes TRUE)
    endif()
endforeach()

file(REMOVE_RECURSE ${BUILD})
execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${options}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(EXPECT)
    string(REGEX REPLACE "[ \n]+" " " output "${output}") # CMake wraps its messages
    if(result EQUAL 0 OR NOT output MATCHES "${EXPECT}")
        message(FATAL_ERROR "this should have failed with: ${EXPECT}")
    endif()
    return()
elseif(NOT result EQUAL 0)
    message(FATAL_ERROR "it could not be configured")
endif()

execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} COMMAND_ERROR_IS_FATAL ANY)
if(RUN)
    execute_process(COMMAND ${BUILD}/${RUN} COMMAND_ERROR_IS_FATAL ANY)
endif()
