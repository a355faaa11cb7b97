// Package vm boots a machine for tests: QEMU without hardware help, a Linux
// kernel that some package has, and an initramfs that is made here, in memory.
//
//	image := vm.NewImage()
//	image.Dir("proc")
//	image.File("init", 0o755, program)
//	err := vm.Run(ctx, vm.Config{Kernel: "vmlinuz", Initramfs: image.Bytes()}, os.Stdout)
//
// The machine has one network card, whose other end is QEMU's own network in
// user space: it serves DHCP, and hands on what the machine sends as QEMU's own
// connections. Run belongs in a network namespace that leads nowhere (package
// nettest).
package vm
