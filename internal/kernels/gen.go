package kernels

//go:generate go -C _asm run ./convert -pkg kernels -out ../convert_amd64.s -stubs ../convert_amd64.go
//go:generate go -C _asm run ./ternary -pkg kernels -out ../ternary_amd64.s -stubs ../ternary_amd64.go
//go:generate go -C _asm run ./float -pkg kernels -out ../float_amd64.s -stubs ../float_amd64.go
//go:generate go -C _asm run ./layer -pkg kernels -out ../layer_amd64.s -stubs ../layer_amd64.go
//go:generate go -C _asm run ./panel -pkg kernels -out ../panel_amd64.s -stubs ../panel_amd64.go
//go:generate go -C _asm run ./attention -pkg kernels -out ../attention_amd64.s -stubs ../attention_amd64.go
//go:generate go -C _asm run ./screen -pkg kernels -out ../screen_amd64.s -stubs ../screen_amd64.go
//go:generate go -C _asm run ./arm64 ..
