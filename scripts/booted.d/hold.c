// Holds one thread of a process as a hung thread is held: hold TID. It prints a line when the thread stands still, and
// ends when the thread has ended (0) or when it is killed, which lets the thread go on.
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int main(int count, char **words) {
    int status;
    pid_t thread = count == 2 ? atoi(words[1]) : 0;
    if (thread <= 0) return 64;
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) {
        perror("ptrace");
        return 1;
    }
    // Waited for to the end: an ended thread that its holder has not seen would keep its process from ending.
    while (waitpid(thread, &status, __WALL) == thread) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) return 0;
        puts("held");
        fflush(stdout);
    }
    return 0;
}
